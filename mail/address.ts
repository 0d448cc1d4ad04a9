import { domainToASCII } from "node:url";

const BEYOND_ASCII = /[^\p{ASCII}]/u;

/** Mailbox and domain. */
function partsOf(address: string): { mailbox: string; domain: string } {
  const at = address.lastIndexOf("@");
  return { mailbox: address.slice(0, at), domain: address.slice(at + 1) };
}

/** The domain in the form that every name server and mail server knows: `bücher.example` as `xn--bcher-kva.example`. */
function asciiDomain(domain: string): string {
  // What is ASCII stays as it was written: a URL's rules would make another address of `[10.1]`.
  return BEYOND_ASCII.test(domain) ? domainToASCII(domain) || domain : domain;
}

/** The address as every mail server takes it, as far as there is such a form. Pure. @see RFC 5890 */
export function onTheLine(address: string): string {
  const { mailbox, domain } = partsOf(address);
  return `${mailbox}@${asciiDomain(domain)}`;
}

/** The domain of an address, in ASCII. Pure. */
export const domainOf = (address: string): string => asciiDomain(partsOf(address).domain);

/**
 * Whether only a server that offers SMTPUTF8 can take the address: letters beyond ASCII before the @ have no other form.
 * Pure. @see RFC 6531
 */
export const needsSmtpUtf8 = (address: string): boolean => BEYOND_ASCII.test(onTheLine(address));
