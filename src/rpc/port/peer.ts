/** Who is at the other end of a connection. */
export type Peer = TcpPeer | { readonly kind: "unix" };

export interface TcpPeer {
  readonly kind: "tcp";
  readonly address: string;
  readonly isTls: boolean;
  /** Names in the client's certificate, which is verified; undefined if it has shown none. */
  readonly certificateNames?: readonly string[] | undefined;
}
