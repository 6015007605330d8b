/**
 * What the CA engine refuses, and what can go wrong while it works.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

/** One code per invariant of the publish gate (`publish-gate.ts`). */
export type GateErrorCode =
  | 'CA_GATE_I1'
  | 'CA_GATE_I2'
  | 'CA_GATE_I3'
  | 'CA_GATE_I4'
  | 'CA_GATE_I5'
  | 'CA_GATE_I6'
  | 'CA_GATE_I10'
  | 'CA_GATE_I11'
  | 'CA_GATE_I12'
  | 'CA_GATE_I13'
  | 'CA_GATE_I14'
  | 'CA_GATE_I15';

export type CaErrorCode =
  // Opening and creating.
  /** The store already holds a CA of this policy. */
  | 'CA_EXISTS'
  /** The store holds no CA of this policy; `certdir init` makes one. */
  | 'CA_MISSING'
  /** The policy no longer fits what has been issued: another name, key or partition rule. */
  | 'CA_POLICY_CHANGED'
  /** The token's key is not the one in the CA's certificate. */
  | 'CA_KEY_MISMATCH'
  /** A record of the engine cannot be read: written by another version, or damaged. */
  | 'CA_RECORD_DAMAGED'
  /** No generation of the key waits to take over. */
  | 'CA_RENEWAL_NONE'
  /** The key need not be renewed yet. */
  | 'CA_RENEWAL_EARLY'
  /** Another process has taken over the store (I13). */
  | 'CA_NOT_OWNER'
  /** There are several CAs, and it was not said which one is meant. */
  | 'CA_NOT_NAMED'
  /** No CA of this name is here. */
  | 'CA_UNKNOWN'
  // Requests for a certificate.
  | 'CA_PROFILE_UNKNOWN'
  /** The profile needs something that the request does not say, or the other way round. */
  | 'CA_REQUEST_INCOMPLETE'
  | 'CA_REQUEST_MALFORMED'
  /** The request's signature does not verify under its key: no proof of possession. */
  | 'CA_PROOF_OF_POSSESSION'
  /** Too short, of a refused type, or with a known weakness. */
  | 'CA_KEY_WEAK'
  /** The key already is in a certificate of this CA. */
  | 'CA_KEY_REUSED'
  | 'CA_MUNICIPALITY_UNKNOWN'
  /** A character outside the repertoire of the policy. */
  | 'CA_CHARACTER_NOT_ALLOWED'
  /** Name, gender, date of birth, address or a substitute flag that is not as the profile wants it. */
  | 'CA_ATTRIBUTE_INVALID'
  /** The subscriber has a valid certificate (gunma 4-2-3). */
  | 'CA_CERTIFICATE_EXISTS'
  | 'CA_SUBJECT_TAKEN'
  /** What is to be renewed is another's certificate, of another profile, or not valid any more. */
  | 'CA_RENEWS_OTHER'
  /** The issuer's certificate ends too soon, or has ended. */
  | 'CA_ISSUER_ENDS'
  /** What would have been signed breaks a rule of the linter: a fault of the profile or of certdir. */
  | 'CA_LINT'
  /** The signature does not verify; nothing was released. */
  | 'CA_SIGNATURE_WRONG'
  // Revocation.
  | 'CA_SERIAL_MALFORMED'
  | 'CA_SERIAL_UNKNOWN'
  | 'CA_REASON_NOT_ALLOWED'
  | 'CA_ALREADY_REVOKED'
  | 'CA_CERTIFICATE_EXPIRED'
  /** The policy holds no certificates, or this one is not good. */
  | 'CA_HOLD_NOT_ALLOWED'
  | 'CA_NOT_HELD'
  /** The CA's own self-signed certificate is revoked by the compromise procedure, not one by one. */
  | 'CA_NOT_REVOCABLE'
  // Deliveries.
  /** The policy has no keys made for this profile, or there is no folder for them. */
  | 'CA_DELIVERY_OFF'
  | 'CA_DELIVERY_UNKNOWN'
  /** It cannot be done with the delivery as it stands. */
  | 'CA_DELIVERY_STATE'
  /** The key, file or password was erased. */
  | 'CA_DELIVERY_GONE'
  /** A password, transport key or receipt that cannot be taken. */
  | 'CA_DELIVERY_INVALID'
  // Notices of changes, and what subscribers ask on line.
  /** Of an unknown kind, about nobody, or the id of another one. */
  | 'CA_NOTICE_INVALID'
  /** The policy takes no notices, or no requests on line. */
  | 'CA_NOTICE_OFF'
  /** Not signed by the subscriber whose certificate it is about. */
  | 'CA_ONLINE_FOREIGN'
  /** Signed too long ago, or in the future. */
  | 'CA_ONLINE_STALE'
  /** It was taken before. */
  | 'CA_ONLINE_REPLAYED'
  // What ends the service.
  /** A compromise was reported, or the service has ended. */
  | 'CA_ISSUING_STOPPED'
  | 'CA_CESSATION_UNKNOWN'
  /** It cannot be begun, approved or withdrawn as things stand. */
  | 'CA_CESSATION_STATE'
  // Cross certification.
  | 'CA_CROSS_PEER_UNKNOWN'
  /** What a peer has handed over has faults; the message tells each. */
  | 'CA_CROSS_REFUSED'
  /** The step cannot be taken as the exchange stands. */
  | 'CA_CROSS_STATE'
  // Verifiers.
  /** A kind, day, name or password that a registration may not have. */
  | 'CA_OPERATOR_INVALID'
  | 'CA_OPERATOR_UNKNOWN'
  | 'CA_VERIFIER_INVALID'
  | 'CA_VERIFIER_UNKNOWN'
  | 'CA_VERIFIER_EXISTS'
  /** It has access, and cannot be removed. */
  | 'CA_VERIFIER_ACTIVE'
  /** Another operator has the name, the certificate, or is the same person. */
  | 'CA_OPERATOR_EXISTS'
  // Requests and the people who take their steps.
  /** No role of the operator may do this, or its account is closed. */
  | 'CA_NOT_PERMITTED'
  /** The person has roles that the policy keeps apart. */
  | 'CA_SEPARATION'
  /** The person has taken another step of the same request. */
  | 'CA_SAME_PERSON'
  /** An office acts for its own municipalities alone. */
  | 'CA_PARTITION_FOREIGN'
  /** The CA does not take requests of this kind. */
  | 'CA_REQUEST_KIND'
  /** Something is wrong with what is asked for; the findings say all of it. */
  | 'CA_REQUEST_INVALID'
  | 'CA_REQUEST_UNKNOWN'
  /** It is another step's turn, or the request has ended. */
  | 'CA_REQUEST_STATE'
  /** What was decided on is not what is there. */
  | 'CA_REQUEST_CHANGED'
  /** The key of a submission was used for another one. */
  | 'CA_REQUEST_CONFLICT'
  // After a restore.
  /** The store was restored; nothing is signed until the lists in use are known. */
  | 'CA_RECOVERY_PENDING'
  | 'CA_RECOVERY_NONE'
  /** A list is not accounted for, or carries revocations that the store does not have. */
  | 'CA_RECOVERY_INCOMPLETE'
  /** A list that was given is not one of this CA's. */
  | 'CA_RECOVERY_FOREIGN'
  // Publication.
  | 'CA_SCOPE_UNKNOWN'
  /** No list of this number was published, or none before this time. */
  | 'CA_LIST_UNKNOWN'
  /** The clock stands before the last list's thisUpdate. */
  | 'CA_CLOCK_BACK'
  /** The policy has no OCSP. */
  | 'CA_OCSP_OFF'
  | GateErrorCode;

export class CaError extends CertdirError<CaErrorCode> {}
