import { isIPv4 } from "node:net";

/** 127.0.0.0/8, also as an IPv4-mapped IPv6 address, and ::1. */
export function isLoopback(address: string): boolean {
  if (address === "::1") return true;
  const ipv4 = address.toLowerCase().replace(/^::ffff:/, "");
  return isIPv4(ipv4) && ipv4.startsWith("127.");
}
