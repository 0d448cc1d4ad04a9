const REACH = "Check host, port and firewall, and that it runs.";
const TLS =
  "Check the certificate and who signed it; sslrootcert or NODE_EXTRA_CA_CERTS names one more signer.";
const AGAIN = "Run the same command again once it answers.";

/** What helps, by the code of an error of Node, the system below it, TLS or undici. */
const BY_CODE: Record<string, string> = {
  EACCES: "Give this user the right to it, or correct the path.",
  EADDRINUSE: "Another process has that port: end it, or choose another port.",
  EADDRNOTAVAIL: "This machine does not have that address: correct it.",
  EAGAIN: "The system was short of something for a moment: run the same command again.",
  EAI_AGAIN: "The name could not be looked up: check the name and the network.",
  EBADF: "A file was closed too early: run the same command again.",
  EBUSY: "Somebody is using it: wait for that, then run the same command again.",
  ECONNABORTED: AGAIN,
  ECONNREFUSED: "Nobody listens there: start it, or correct the address.",
  ECONNRESET: `The other side broke the connection. ${AGAIN}`,
  EDQUOT: "The quota is used up: free space, then run the same command again.",
  EEXIST: "It is there already: look at it, then move it away.",
  EFBIG: "The file is larger than the system lets it be: raise the limit (ulimit -f).",
  EHOSTUNREACH: "There is no route to the host: check the network.",
  EINTR: "Run the same command again.",
  EINVAL: "The system refused the call: check the path and the file system.",
  EIO: "The disk failed: look at the system's log (dmesg) before anything else.",
  EISDIR: "It is a folder where a file is needed: correct the path.",
  ELOOP: "Links lead in a circle: correct the path.",
  EMFILE: "This process has too many files open: raise the limit (ulimit -n).",
  ENAMETOOLONG: "The path is too long: choose a shorter folder.",
  ENETUNREACH: "There is no route to the network: check it.",
  ENFILE: "The machine has too many files open: raise fs.file-max.",
  ENOENT: "Create it, install what it belongs to, or correct the path.",
  ENOMEM: "The machine is out of memory: free some.",
  ENOSPC: "Free space on that disk, then run the same command again.",
  ENOTCONN: AGAIN,
  ENOTDIR: "A part of the path is no folder: correct it.",
  ENOTEMPTY: "The folder is not empty: look at it, then move it away.",
  ENOTFOUND: "The name is not known: correct it.",
  EPERM: "The system does not let this user do that: run as one that may.",
  EPIPE: "The other side stopped reading: look at why it ended.",
  EPROTO: TLS,
  EROFS: "The file system takes no writes: mount it for writing, or choose another folder.",
  ESRCH: "The process is gone already: run the same command again.",
  ETIMEDOUT: `There was no answer in time. ${REACH}`,
  ETXTBSY: "The program is being written: wait, then run the same command again.",
  EXDEV: "The two paths lie on different disks: choose a folder on the same one.",
  ERR_INVALID_URL: "Correct the address in the configuration.",
  ERR_MODULE_NOT_FOUND: "A package is missing: npm ci --ignore-scripts.",
  MODULE_NOT_FOUND: "A package is missing: npm ci --ignore-scripts.",
  ERR_CHILD_PROCESS_STDIO_MAXBUFFER: "The program printed more than is read: look at why.",
  ERR_STREAM_PREMATURE_CLOSE: "The other side ended in the middle: run the same command again.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "The certificate is for another name: correct the address, or the certificate.",
  CERT_HAS_EXPIRED: "The certificate has expired: renew it.",
  CERT_NOT_YET_VALID: "The certificate is not valid yet: is this machine's clock right?",
  CERT_REVOKED: "The certificate was revoked: have a new one made.",
  Z_BUF_ERROR: "The compressed file breaks off: it is damaged, have it made anew.",
  Z_DATA_ERROR: "The compressed file is damaged: have it made anew.",
  UND_ERR_CONNECT_TIMEOUT: `There was no answer in time. ${REACH}`,
  UND_ERR_HEADERS_TIMEOUT: "The service took the request and did not answer: look at its log.",
  UND_ERR_BODY_TIMEOUT: "The service stopped in the middle of its answer: look at its log.",
  UND_ERR_SOCKET: `The other side broke the connection. ${AGAIN}`,
};

/** Families that are told alike. */
const BY_FAMILY: [RegExp, string][] = [
  [/CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ISSUER|^ERR_(SSL|TLS)|HOSTNAME_MISMATCH|INVALID_CA/, TLS],
  [/^UND_ERR/, REACH],
  [/^ERR_ZIP|^Z_|^ZSTD/, "The compressed file is damaged: have it made anew."],
];

/** What a person does about an error of the system; undefined for a code that nobody here knows. */
export const systemRemedy = (code: string): string | undefined =>
  BY_CODE[code] ?? BY_FAMILY.find(([pattern]) => pattern.test(code))?.[1];
