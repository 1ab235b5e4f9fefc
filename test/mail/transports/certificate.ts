/** Certificates for `localhost`, created for each run, so that none is stored and none expires. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";

/** A private key and its certificate, as PEM. */
export interface Certificate {
  key: string;
  cert: string;
}

/**
 * A new certificate for `localhost` that workerd trusts. Miniflare reads NODE_EXTRA_CA_CERTS once, when it is loaded.
 * So call this function before anything imports Miniflare.
 */
export async function createTrustedCertificate(): Promise<Certificate> {
  const certificate = await createCertificate();
  const folder = mkdtempSync(join(tmpdir(), "postern-test-ca-"));
  const file = join(folder, "ca.pem");
  writeFileSync(file, certificate.cert);
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  process.env.NODE_EXTRA_CA_CERTS = file;
  return certificate;
}

/** A self-signed certificate for `localhost` that is not trusted. */
export async function createCertificate(): Promise<Certificate> {
  const { private: key, cert } = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }] },
    ],
  });
  return { key, cert };
}
