/**
 * What `asn1parse` is to show (`asn1-dump.ts`) of names and extensions of the Gunma CA, written down from
 * the practice statement and RFC 5280.
 *
 * @module
 */

/** A name as asn1parse shows it: C as PrintableString, everything else as UTF8String. */
export function nameLines(...parts: readonly (readonly [type: string, value: string])[]): string[] {
  return [
    'SEQUENCE',
    ...parts.flatMap(([type, value]) => [
      ' SET',
      '  SEQUENCE',
      `   OBJECT ${type}`,
      `   ${type === 'countryName' ? 'PRINTABLESTRING' : 'UTF8STRING'} ${value}`,
    ]),
  ];
}

/** The lines, deeper. */
export const indent = (depth: number, lines: readonly string[]): string[] =>
  lines.map((line) => `${' '.repeat(depth)}${line}`);

/** Extension (RFC 5280 §4.2). */
export function extensionLines(
  name: string,
  isCritical: boolean,
  value: readonly string[],
): string[] {
  return [
    'SEQUENCE',
    ` OBJECT ${name}`,
    ...(isCritical ? [' BOOLEAN 255'] : []),
    ' OCTET STRING',
    ...indent(2, value),
  ];
}

/** AlgorithmIdentifier of sha256WithRSAEncryption. */
export const rsaSha256Lines: readonly string[] = [
  'SEQUENCE',
  ' OBJECT sha256WithRSAEncryption',
  ' NULL',
];
export const issuerLines: readonly string[] = nameLines(
  ['countryName', 'JP'],
  ['organizationName', 'JPKI'],
  ['organizationalUnitName', 'Gunma Prefectural CA'],
);
export const japaneseIssuerLines: readonly string[] = nameLines(
  ['countryName', 'JP'],
  ['organizationName', '公的個人認証サービス'],
  ['organizationalUnitName', '群馬県知事'],
);
/** The distribution point of Maebashi, 10201. */
export const maebashiLines: readonly string[] = nameLines(
  ['countryName', 'JP'],
  ['organizationName', 'JPKI'],
  ['organizationalUnitName', 'Gunma Prefectural CA'],
  ['organizationalUnitName', 'CRL Distribution Points'],
  ['organizationalUnitName', 'Gunma-ken'],
  ['commonName', 'Maebashi-shi CRLDP'],
);

/** The distribution point of the CA's own servers. */
export const operationsLines: readonly string[] = nameLines(
  ['countryName', 'JP'],
  ['organizationName', 'JPKI'],
  ['organizationalUnitName', 'Gunma Prefectural CA'],
  ['organizationalUnitName', 'CRL Distribution Points'],
  ['commonName', 'Operations CRLDP'],
);

/** distributionPoint, fullName, directoryName (RFC 5280 §4.2.1.13). */
export const distributionPointLines = (name: readonly string[]): string[] => [
  'SEQUENCE',
  ' SEQUENCE',
  '  cont [ 0 ]',
  '   cont [ 0 ]',
  '    cont [ 4 ]',
  ...indent(5, name),
];

/** UTCTime `YYMMDDhhmmssZ`. */
export function utcTime(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`;
}
