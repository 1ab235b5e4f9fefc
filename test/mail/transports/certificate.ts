/** Certificates for `localhost`, made afresh for each run, so that none is kept anywhere and none expires. */
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A private key and its certificate, as PEM. */
export interface Certificate {
  key: string;
  cert: string;
}

/**
 * A fresh certificate for `localhost` that workerd trusts. Miniflare reads NODE_EXTRA_CA_CERTS once, when
 * it is loaded: call this before anything imports it.
 */
export function createTrustedCertificate(): Certificate {
  const certificate = createCertificate();
  const file = join(tmpdir(), `postern-test-ca-${process.pid}.pem`);
  writeFileSync(file, certificate.cert);
  process.once("exit", () => rmSync(file, { force: true }));
  process.env.NODE_EXTRA_CA_CERTS = file;
  return certificate;
}

/** A certificate for `localhost` that is its own issuer, and of which nobody has heard. */
export function createCertificate(): Certificate {
  const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost";
  const extensions = "-addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE";
  const command = `${request} ${extensions} -keyout - -out -`.split(" ");
  const pem = execFileSync("openssl", command, { encoding: "utf8", stdio: "pipe" });
  const split = pem.indexOf("-----BEGIN CERTIFICATE-----");
  return { key: pem.slice(0, split), cert: pem.slice(split) };
}
