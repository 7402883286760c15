/** How what was received can be told from what was stored. `digest`: lower-case hex. */
export interface Checksum {
  readonly algorithm: "crc32" | "md5" | "sha1" | "sha256";
  readonly digest: string;
}

/** One file of a model in a remote store. */
export interface RemoteFile {
  /** What the store calls it. */
  readonly key: string;
  /** Where it belongs below the folder of the model: relative, "/" between the parts. */
  readonly name: string;
  /** Bytes; undefined if the store does not say beforehand. */
  readonly sizeBytes: number | undefined;
  /** Changes with the content; undefined if the store has no such thing. */
  readonly version: string | undefined;
}

export interface RemoteListing {
  /** Whether `files`, at least one, lie below the path; else the one file is what the path names. */
  readonly isFolder: boolean;
  readonly files: readonly RemoteFile[];
}

/** Bytes on their way. Whoever has it must read it to its end or destroy it. */
export interface RemoteBody {
  /** Where in the file it starts: where it was asked to, or 0 if the store cannot do that. */
  readonly offset: number;
  /** Of the whole file, if the store says so; goes before what the list said. */
  readonly checksum: Checksum | undefined;
  readonly bytes: AsyncIterable<Uint8Array> & { destroy(): unknown };
}

/** A remote store with the credentials of one pull, from which no other pull is served: credentials that
 *  have changed, and failures, end with it. */
export interface RemoteStorage {
  /** Type and place without secrets, "s3 https://minio:9000/bucket" for example. */
  readonly origin: string;

  /** What the model at `path` consists of. Rejects with RuntimeErrors; nothing there is
   *  "failed-precondition". */
  list(path: string, signal: AbortSignal): Promise<RemoteListing>;

  /** The bytes of `file` from `offset` on, of the version that was listed. Rejects and fails with whatever
   *  the client throws, which `toStorageError` reads. */
  open(file: RemoteFile, offset: number, signal: AbortSignal): Promise<RemoteBody>;

  /** Closes every connection. Idempotent. */
  close(): void;
}
