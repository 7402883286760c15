import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type BrowserMarks, refusalOf } from "../../../../src/rpc/guard/browser-rules.ts";

const rules = {
  allowedOrigins: new Set(["https://ops.example.com"]),
  allowedHosts: new Set(["models.example.com"]),
};
const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0";
const none: BrowserMarks = {
  authority: "localhost:8085",
  origin: undefined,
  fetchSite: undefined,
  fetchMode: undefined,
  userAgent: undefined,
  method: "GET",
};
const passes = (marks: Partial<BrowserMarks>) =>
  assert.equal(refusalOf({ ...none, ...marks }, rules), undefined, JSON.stringify(marks));
const refuses = (marks: Partial<BrowserMarks>, why: RegExp) =>
  assert.match(refusalOf({ ...none, ...marks }, rules) ?? "passes", why, JSON.stringify(marks));

describe("the rules for browsers", () => {
  it("say nothing about other clients, whatever they call this server", () => {
    for (const authority of ["models.svc:8085", "evil.example", "/run/grpc.sock", undefined]) {
      passes({ authority, userAgent: "grpc-java-netty/1.60" });
      passes({ authority });
    }
  });

  it("let a page of this server call it, by address, as localhost and by its configured names", () => {
    for (const authority of [
      "localhost:8085",
      "127.0.0.1:8085",
      "[::1]:8085",
      "192.168.1.4:8085",
      "demo.localhost:8085",
      "models.example.com",
      "MODELS.example.com.:80",
    ]) {
      passes({ authority, origin: `http://${authority}`, fetchSite: "same-origin" });
      passes({ authority, userAgent: firefox });
    }
  });

  it("refuse a page whose own name resolves to this server (DNS rebinding)", () => {
    const why = /may not call this server as 'evil\.example'/;
    const authority = "evil.example:8085";
    // A POST says where it comes from; a GET over plain HTTP says nothing but which browser it is.
    refuses({ authority, origin: "http://evil.example:8085" }, why);
    refuses({ authority, userAgent: firefox }, why);
    refuses({ authority, fetchSite: "none", fetchMode: "navigate" }, why);
    refuses({ authority: "localhost.evil.example", userAgent: firefox }, /as 'localhost\.evil/);
    refuses({ authority: "127.0.0.1.evil.example", userAgent: firefox }, /as '127\.0\.0\.1\.evil/);
    refuses({ authority: "", userAgent: firefox }, /as ''/);
  });

  it("refuse pages of other servers, other ports and no server", () => {
    for (const origin of [
      "https://evil.example",
      "http://localhost:3000",
      "http://localhost",
      "http://127.0.0.1:8085",
      "http://localhost:8085.evil.example",
      "file://localhost:8085",
      "null",
      "",
    ]) {
      refuses({ origin, fetchSite: "cross-site" }, /^pages of .* may not call/);
    }
  });

  it("let pages of configured origins call, to the letter", () => {
    passes({ origin: "https://ops.example.com", fetchSite: "cross-site" });
    refuses({ origin: "http://ops.example.com" }, /may not call/);
    refuses({ origin: "https://ops.example.com:444" }, /may not call/);
    refuses({ origin: "https://a.ops.example.com" }, /may not call/);
  });

  it("know a page that came through a proxy which ends TLS", () => {
    passes({ authority: "models.example.com", origin: "https://models.example.com" });
    passes({ authority: "models.example.com:443", origin: "https://models.example.com" });
    refuses(
      { authority: "models.example.com:80", origin: "https://models.example.com" },
      /pages of/,
    );
  });

  it("refuse what pages of other sites embed, and let links from there lead here", () => {
    for (const fetchSite of ["cross-site", "same-site"]) {
      refuses({ fetchSite, fetchMode: "no-cors" }, /may not fetch/);
      passes({ fetchSite, fetchMode: "navigate" });
    }
    passes({ fetchSite: "none", fetchMode: "navigate" });
    passes({ fetchSite: "same-origin", fetchMode: "no-cors" });
  });

  it("refuses a form of another site, although sending it is a navigation", () => {
    const marks = { fetchSite: "cross-site", fetchMode: "navigate" };
    passes({ ...marks, method: "GET" });
    refuses({ ...marks, method: "POST" }, /pages of other sites may not/);
  });
});
