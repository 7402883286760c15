import {
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  toBinary,
} from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** The definitions in some files and all their imports, by the names that reflection requests use. */
export class DescriptorIndex {
  /** By the name that imports use. */
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();
  /** By number, for each extended message. */
  readonly #extensions = new Map<string, Map<number, DescFile>>();
  readonly #encoded = new Map<DescFile, Uint8Array>();

  constructor(files: Iterable<DescFile>) {
    for (const file of files) this.#add(file);
  }

  file(name: string): DescFile | undefined {
    return this.#files.get(name);
  }

  /** The file that defines `symbol`, a full name without a leading dot. */
  fileOfSymbol(symbol: string): DescFile | undefined {
    return this.#symbols.get(symbol);
  }

  fileOfExtension(message: string, number: number): DescFile | undefined {
    return this.#extensions.get(message)?.get(number);
  }

  /** Undefined if there is no such message. */
  extensionNumbers(message: string): number[] | undefined {
    const numbers = this.#extensions.get(message);
    return numbers === undefined ? undefined : [...numbers.keys()].sort((a, b) => a - b);
  }

  /** The file, and its direct and indirect imports that are missing from `sent`; adds them to it. */
  encodeWithImports(file: DescFile, sent: Set<string>): Uint8Array[] {
    const encoded = [this.#encode(file)];
    sent.add(file.proto.name);
    for (const imported of file.dependencies) {
      if (!sent.has(imported.proto.name)) encoded.push(...this.encodeWithImports(imported, sent));
    }
    return encoded;
  }

  #encode(file: DescFile): Uint8Array {
    let bytes = this.#encoded.get(file);
    if (bytes === undefined) {
      bytes = toBinary(FileDescriptorProtoSchema, file.proto);
      this.#encoded.set(file, bytes);
    }
    return bytes;
  }

  #add(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return;
    this.#files.set(file.proto.name, file);
    for (const type of nestedTypes(file)) {
      for (const symbol of symbolsOf(type)) this.#symbols.set(symbol, file);
      if (type.kind === "message") this.#extensionsOf(type);
      if (type.kind === "extension") this.#extensionsOf(type.extendee).set(type.number, file);
    }
    for (const imported of file.dependencies) this.#add(imported);
  }

  #extensionsOf({ typeName }: DescMessage): Map<number, DescFile> {
    let numbers = this.#extensions.get(typeName);
    if (numbers === undefined) {
      numbers = new Map();
      this.#extensions.set(typeName, numbers);
    }
    return numbers;
  }
}

function symbolsOf(type: DescMessage | DescEnum | DescExtension | DescService): string[] {
  const { typeName } = type;
  const inside = (names: readonly { readonly name: string }[], scope = typeName) =>
    names.map(({ name }) => (scope === "" ? name : `${scope}.${name}`));
  switch (type.kind) {
    case "message":
      return [typeName, ...inside(type.fields), ...inside(type.oneofs)];
    case "service":
      return [typeName, ...inside(type.methods)];
    case "enum":
      // Values are named beside their enum, not inside it.
      return [typeName, ...inside(type.values, type.parent?.typeName ?? type.file.proto.package)];
    case "extension":
      return [typeName];
  }
}
