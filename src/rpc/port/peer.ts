/** The other end of a connection. */
export type Peer = TcpPeer | { readonly kind: "unix" };

export interface TcpPeer {
  readonly kind: "tcp";
  readonly address: string;
  readonly isTls: boolean;
  /** Names in the client's verified certificate; undefined without one. */
  readonly certificateNames?: readonly string[] | undefined;
}
