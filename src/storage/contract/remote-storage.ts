/** Takes a file's bytes in order. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** Lower-case hex; ends the hasher. */
  digest(): string | Promise<string>;
}

/** How to verify that the received bytes are the stored ones. `digest`: lower-case hex. */
export type Checksum =
  | { readonly algorithm: "crc32" | "md5" | "sha1" | "sha256" | "sha512"; readonly digest: string }
  /** Node does not have these; the clients of the stores that name them do. */
  | {
      readonly algorithm: "crc32c" | "crc64nvme" | "git-sha1";
      readonly digest: string;
      readonly newHasher: () => Hasher;
    };

export type ArchiveFormat = "tar" | "tar+gzip" | "tar+zstd" | "zip";

/** How a file that is an archive becomes files of the model. */
export interface ArchiveRule {
  readonly format: ArchiveFormat;
  /** Only what lies in this folder of the archive counts, and its name loses the folder; "" for everything. */
  readonly below: string;
  /** Whether it is a layer of an image, which replaces and removes files of the layers before it. */
  readonly isLayer: boolean;
}

/** One file of a model in a remote store. */
export interface RemoteFile {
  /** The file's name in the store. */
  readonly key: string;
  /** Its path below the model's folder: relative, with "/" between the parts. */
  readonly name: string;
  /** Bytes; undefined if the store does not announce them. */
  readonly sizeBytes: number | undefined;
  /** Changes with the content; undefined if the store has no such mark. */
  readonly version: string | undefined;
  /** Present for an archive, which is unpacked into the model's folder in the order of the listing. Its own name
   *  counts for nothing then, but must differ from those of the others. */
  readonly archive?: ArchiveRule;
  /** Present for an archive on this machine, which is unpacked where it lies. Absolute. */
  readonly localPath?: string;
}

export interface RemoteListing {
  /** Whether `files`, at least one, lie below the path; otherwise the path names the only file. */
  readonly isFolder: boolean;
  readonly files: readonly RemoteFile[];
  /** The name of the signature that lies beside the model's only file, if that is an archive to unpack: it is not one
   *  of the files that the archive holds. */
  readonly archiveSignature?: string | undefined;
}

/** A body in transit. The receiver must read it to its end or destroy it. */
export interface RemoteBody {
  /** The offset at which it starts: the requested one, or 0 if the store cannot resume. */
  readonly offset: number;
  /** Of the whole file, if the store reports it; takes precedence over the listing. */
  readonly checksum: Checksum | undefined;
  readonly bytes: AsyncIterable<Uint8Array> & { destroy(): unknown };
}

/** A remote store with the credentials of one pull. No other pull shares it, so changed credentials and
 *  failures end with it. */
export interface RemoteStorage {
  /** Type and address without secrets, such as "s3 https://minio:9000/bucket". */
  readonly origin: string;

  /** The files of the model at `path`. Rejects with RuntimeErrors; "failed-precondition" if nothing is there. */
  list(path: string, signal: AbortSignal): Promise<RemoteListing>;

  /** As `list`, of the file whose name is that of the file at `path` with `suffix`. Absent: its path is too. */
  listBeside?(path: string, suffix: string, signal: AbortSignal): Promise<RemoteListing>;

  /** The bytes of `file` from `offset` on, of the version that was listed. Errors are those of the client
   *  library, which `toStorageError` reads. */
  open(file: RemoteFile, offset: number, signal: AbortSignal): Promise<RemoteBody>;

  /** Closes every connection. Idempotent. */
  close(): void;
}
