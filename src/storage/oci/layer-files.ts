import { RuntimeError } from "../../base/errors.ts";
import { baseName, normalize } from "../contract/object-listing.ts";
import type { ArchiveFormat, RemoteFile } from "../contract/remote-storage.ts";
import type { Descriptor, Manifest } from "./manifest.ts";

type Image = Extract<Manifest, { kind: "manifest" }>;

const imageConfigs = [
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
];
/** Where KServe's model images have the model. */
const modelsFolder = "models";
const title = "org.opencontainers.image.title";
/** ModelPack's path of a file. */
const modelPath = "org.cncf.model.filepath";
const unpackMark = "io.deis.oras.content.unpack";
/** Media types of ModelPack and KitOps, and which of their layers a model can do without. */
const modelPack = /^application\/vnd\.(?:cncf\.model|kitops\.modelkit)\./;
const needless = /\.(?:dataset|doc|docs|code)\./;

/** The layers that hold the model, as files to pull: those of an image are unpacked over each other, and only what
 *  lies in /models counts; those of an artifact are files by their titles, or archives. `path`: the part of the
 *  image or artifact that is wanted; "" for everything. Throws "failed-precondition" for layers that are neither. */
export function filesOf(image: Image, path: string, what: string): RemoteFile[] {
  const files = isImage(image)
    ? image.layers.map((layer, index) => imageLayer(layer, { index, path, what }))
    : image.layers.flatMap((layer, index) => artifactFile(layer, { index, path, what }));
  const names = new Set<string>();
  for (const { name } of files) {
    if (names.has(name)) throw refuse(what, `it has '${name}' twice`);
    names.add(name);
  }
  return files;
}

/** What `key` of a file tells about its blob. */
export function blobKey(what: string, { digest }: Descriptor, index: number): string {
  return `${what} layer ${index + 1} (${digest.slice(0, 19)})`;
}

function isImage({ configType, layers }: Image): boolean {
  return (
    imageConfigs.includes(configType) &&
    layers.every(({ annotations, mediaType }) => {
      return annotations[title] === undefined && !modelPack.test(mediaType);
    })
  );
}

interface Place {
  /** Of the layer. */
  readonly index: number;
  readonly path: string;
  readonly what: string;
}

function imageLayer(layer: Descriptor, place: Place): RemoteFile {
  const format = formatOf(layer.mediaType);
  if (format === undefined) {
    const problem = `layer ${place.index + 1} has the type '${layer.mediaType}', expected a tar archive`;
    throw refuse(place.what, problem);
  }
  const below = [modelsFolder, place.path].filter((part) => part !== "").join("/");
  return archive(layer, place, { format, below, isLayer: true });
}

/** None if the layer is not wanted. */
function artifactFile(layer: Descriptor, place: Place): RemoteFile[] {
  const { index, path, what } = place;
  const { mediaType, annotations, digest, size } = layer;
  const isPacked = modelPack.test(mediaType);
  if (isPacked && needless.test(mediaType)) return [];
  const name = annotations[title] ?? annotations[modelPath];
  const format = formatOf(mediaType);
  const isFolder = annotations[unpackMark] === "true";
  if (isFolder || (format !== undefined && (isPacked || name === undefined))) {
    return [archive(layer, place, { format: format ?? "tar+gzip", below: path, isLayer: false })];
  }
  if (name === undefined) {
    throw refuse(what, `layer ${index + 1} of the type '${mediaType}' has no ${title}`);
  }
  const local = below(path, normalize(name.replace(/^(?:\.\/)+/, ""), what));
  if (local === undefined) return [];
  if (local === "") throw refuse(what, `layer ${index + 1} has an empty ${title}`);
  return [{ key: blobKey(what, layer, index), name: local, sizeBytes: size, version: digest }];
}

/** The name of a file in the folder `path`, or the last part of it if it is the path. Undefined if it lies elsewhere. */
function below(path: string, name: string): string | undefined {
  if (path === "") return name;
  if (name === path) return baseName(name);
  return name.startsWith(`${path}/`) ? name.slice(path.length + 1) : undefined;
}

function archive(
  layer: Descriptor,
  { index, what }: Place,
  rule: NonNullable<RemoteFile["archive"]>,
): RemoteFile {
  return {
    key: blobKey(what, layer, index),
    name: `layer-${index + 1}`,
    sizeBytes: layer.size,
    version: layer.digest,
    archive: rule,
  };
}

function formatOf(mediaType: string): ArchiveFormat | undefined {
  if (/[.+]tar$/.test(mediaType)) return "tar";
  if (/[.+]tar[.+]gzip$/.test(mediaType)) return "tar+gzip";
  return /[.+]tar[.+]zstd$/.test(mediaType) ? "tar+zstd" : undefined;
}

function refuse(what: string, problem: string): RuntimeError {
  return new RuntimeError("failed-precondition", `${what} cannot be pulled: ${problem}`);
}
