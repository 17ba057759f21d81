import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, unwatchFile, watchFile } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '../process/config-error.ts';
import { messageOf } from '../process/error-facts.ts';
import { findExecutable } from './find-executable.ts';
import { makeFolder } from './make-folder.ts';
import { giveTo, type ServiceUser } from './service-user.ts';
import { writePrivately } from './write-privately.ts';

/** Paths of PEM files. */
export interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

/** The value of TLS_CERT for trying TLS without a certificate authority. */
export const selfMade = 'self-made';
const selfMadeDays = 365;
const watchIntervalMs = 2_000;

/** TLS_CERT and TLS_KEY belong together, except that a self-made certificate has its own key. Undefined: no TLS. */
export function tlsFilesOf(cert: string, key: string): CertificateFiles | typeof selfMade | undefined {
  if (cert === selfMade && key === '') return selfMade;
  if (cert === selfMade)
    throw new ConfigError(`TLS_KEY is set, but TLS_CERT=${selfMade} makes its own key: unset one of them.`);
  if (cert === '' && key === '') return undefined;
  if (cert === '') throw new ConfigError('TLS_KEY is set without TLS_CERT, the file of the certificate.');
  if (key === '') throw new ConfigError('TLS_CERT is set without TLS_KEY, the file of its private key.');
  return { certFile: cert, keyFile: key };
}

/**
 * Copies a certificate and its key into a folder that nginx's user can read, also if only root can read the originals. Throws a
 * `ConfigError` if they cannot be read or used, and leaves an earlier copy unchanged.
 */
export function installCertificate(
  files: CertificateFiles,
  dir: string,
  user: ServiceUser | undefined,
): CertificateFiles {
  const cert = readPem('TLS_CERT', files.certFile);
  const key = readPem('TLS_KEY', files.keyFile);
  const certificate = usable(
    'TLS_CERT',
    files.certFile,
    'a certificate in PEM format',
    () => new X509Certificate(cert),
  );
  const privateKey = usable('TLS_KEY', files.keyFile, 'a private key in PEM format', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey))
    throw new ConfigError(`TLS_KEY="${files.keyFile}": is not the key of the certificate in ${files.certFile}.`);
  makeFolder(dir);
  const installed = { certFile: join(dir, 'certificate.pem'), keyFile: join(dir, 'key.pem') };
  writePrivately(installed.certFile, cert);
  writePrivately(installed.keyFile, key);
  giveTo(user, dir);
  return installed;
}

/** Makes a certificate for this machine, or uses the one of an earlier run. Browsers warn of it. */
export async function selfMadeCertificate(dir: string, httpHost: string): Promise<CertificateFiles> {
  const files = { certFile: join(dir, 'certificate.pem'), keyFile: join(dir, 'key.pem') };
  if (existsSync(files.certFile) && isValid(files.certFile)) return files;
  if (!findExecutable('openssl'))
    throw new ConfigError(
      `TLS_CERT=${selfMade} needs the program openssl. Install it, or set TLS_CERT and TLS_KEY to files.`,
    );
  makeFolder(dir);
  const isName = /^[a-z]/i.test(httpHost);
  const names = [
    `DNS:localhost`,
    `DNS:${hostname()}`,
    'IP:127.0.0.1',
    'IP:::1',
    `${isName ? 'DNS' : 'IP'}:${httpHost}`,
  ];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', String(selfMadeDays)];
  const subject = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${[...new Set(names)].join()}`];
  const out = ['-keyout', files.keyFile, '-out', files.certFile];
  await promisify(execFile)('openssl', ['req', '-x509', ...kind, ...subject, ...out]);
  return files;
}

/** Calls `changed` after one of the files has changed, for as long as the process runs or until the signal. */
export function watchCertificate(files: CertificateFiles, changed: () => void, signal: AbortSignal): void {
  const paths = Object.values(files) as string[];
  // A renewal writes both files, one after the other.
  let timer: NodeJS.Timeout | undefined;
  const notice = () => {
    clearTimeout(timer);
    timer = setTimeout(changed, watchIntervalMs).unref();
  };
  for (const path of paths) watchFile(path, { interval: watchIntervalMs, persistent: false }, notice);
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    for (const path of paths) unwatchFile(path, notice);
  });
}

const isValid = (certFile: string): boolean =>
  Date.parse(new X509Certificate(readFileSync(certFile)).validTo) > Date.now() + 86_400_000;

function readPem(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`${setting}="${file}": cannot be read (${messageOf(cause)}).`, { cause });
  }
}

function usable<Result>(setting: string, file: string, must: string, parse: () => Result): Result {
  try {
    return parse();
  } catch (cause) {
    throw new ConfigError(`${setting}="${file}": must be ${must} (${messageOf(cause)}).`, { cause });
  }
}
