/**
 * The object identifiers of the LDAP syntaxes that are known here (RFC 4517 §3.3, RFC 4523 §2, RFC
 * 4530 §2.1).
 *
 * @module
 */

export const SyntaxOid = {
  attributeTypeDescription: '1.3.6.1.4.1.1466.115.121.1.3',
  bitString: '1.3.6.1.4.1.1466.115.121.1.6',
  boolean: '1.3.6.1.4.1.1466.115.121.1.7',
  certificate: '1.3.6.1.4.1.1466.115.121.1.8',
  certificateList: '1.3.6.1.4.1.1466.115.121.1.9',
  certificatePair: '1.3.6.1.4.1.1466.115.121.1.10',
  countryString: '1.3.6.1.4.1.1466.115.121.1.11',
  distinguishedName: '1.3.6.1.4.1.1466.115.121.1.12',
  deliveryMethod: '1.3.6.1.4.1.1466.115.121.1.14',
  directoryString: '1.3.6.1.4.1.1466.115.121.1.15',
  ditContentRuleDescription: '1.3.6.1.4.1.1466.115.121.1.16',
  ditStructureRuleDescription: '1.3.6.1.4.1.1466.115.121.1.17',
  enhancedGuide: '1.3.6.1.4.1.1466.115.121.1.21',
  fax: '1.3.6.1.4.1.1466.115.121.1.23',
  facsimileTelephoneNumber: '1.3.6.1.4.1.1466.115.121.1.22',
  generalizedTime: '1.3.6.1.4.1.1466.115.121.1.24',
  guide: '1.3.6.1.4.1.1466.115.121.1.25',
  ia5String: '1.3.6.1.4.1.1466.115.121.1.26',
  integer: '1.3.6.1.4.1.1466.115.121.1.27',
  jpeg: '1.3.6.1.4.1.1466.115.121.1.28',
  matchingRuleDescription: '1.3.6.1.4.1.1466.115.121.1.30',
  matchingRuleUseDescription: '1.3.6.1.4.1.1466.115.121.1.31',
  nameAndOptionalUid: '1.3.6.1.4.1.1466.115.121.1.34',
  nameFormDescription: '1.3.6.1.4.1.1466.115.121.1.35',
  numericString: '1.3.6.1.4.1.1466.115.121.1.36',
  objectClassDescription: '1.3.6.1.4.1.1466.115.121.1.37',
  objectIdentifier: '1.3.6.1.4.1.1466.115.121.1.38',
  otherMailbox: '1.3.6.1.4.1.1466.115.121.1.39',
  octetString: '1.3.6.1.4.1.1466.115.121.1.40',
  postalAddress: '1.3.6.1.4.1.1466.115.121.1.41',
  printableString: '1.3.6.1.4.1.1466.115.121.1.44',
  supportedAlgorithm: '1.3.6.1.4.1.1466.115.121.1.49',
  subtreeSpecification: '1.3.6.1.4.1.1466.115.121.1.45',
  telephoneNumber: '1.3.6.1.4.1.1466.115.121.1.50',
  teletexTerminalIdentifier: '1.3.6.1.4.1.1466.115.121.1.51',
  telexNumber: '1.3.6.1.4.1.1466.115.121.1.52',
  utcTime: '1.3.6.1.4.1.1466.115.121.1.53',
  ldapSyntaxDescription: '1.3.6.1.4.1.1466.115.121.1.54',
  substringAssertion: '1.3.6.1.4.1.1466.115.121.1.58',
  certificateExactAssertion: '1.3.6.1.1.15.1',
  certificateAssertion: '1.3.6.1.1.15.2',
  certificatePairExactAssertion: '1.3.6.1.1.15.3',
  certificatePairAssertion: '1.3.6.1.1.15.4',
  certificateListExactAssertion: '1.3.6.1.1.15.5',
  certificateListAssertion: '1.3.6.1.1.15.6',
  algorithmIdentifier: '1.3.6.1.1.15.7',
  uuid: '1.3.6.1.1.16.1',
  /** OpenLDAP's change sequence number, which entryCSN and contextCSN have. */
  changeSequenceNumber: '1.3.6.1.4.1.4203.666.11.2.1',
} as const;

export type KnownSyntaxOid = (typeof SyntaxOid)[keyof typeof SyntaxOid];
