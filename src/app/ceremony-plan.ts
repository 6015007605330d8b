/**
 * The steps of each key ceremony, in order.
 *
 * Not here: doing them (`ceremonies.ts`), what is said and done in the room (docs/key-ceremony.md).
 *
 * @module
 */

import type { CeremonyKind } from '../http/ceremony-operations.ts';

/**
 * Who does a step. `person`: somebody says that it was done. `certdir`: it looks or works, and writes down what it found.
 * `quorum`: custodians approve it, and it is done.
 */
export type StepActor = 'person' | 'certdir' | 'quorum';

export interface PlannedStep {
  readonly name: string;
  readonly actor: StepActor;
  readonly title: string;
}

const step = (name: string, actor: StepActor, title: string): PlannedStep => ({
  name,
  actor,
  title,
});

const present = step(
  'present',
  'person',
  'Everybody is present and known; room and machine are as they should be',
);
const key = step('key', 'certdir', 'The key and the certificate are those of this CA');
const activate = step('activate', 'quorum', 'Custodians open the token');
const attest = step('attest', 'quorum', 'Custodians approve the record so far');
const close = step('close', 'certdir', 'The audit log is signed and the record closed');

export const ceremonyPlans: Readonly<Record<CeremonyKind, readonly PlannedStep[]>> = {
  'first-key': [
    present,
    key,
    step('compare', 'person', 'The fingerprints were read aloud and are those that init printed'),
    activate,
    step('seal', 'person', "The custodians' passphrases are sealed, each apart from the others"),
    attest,
    close,
  ],
  renewal: [
    present,
    key,
    step('open', 'certdir', 'The token is open'),
    step('generate', 'quorum', 'Custodians have the new key made'),
    step(
      'make',
      'certdir',
      'The new key is certified, and vouches for the older one and the other way round',
    ),
    step(
      'compare',
      'person',
      "The new certificate's fingerprint was read aloud and written on a sheet",
    ),
    step('order', 'quorum', 'Custodians approve that the new key takes over'),
    step('switch', 'certdir', 'The new certificates are published, and the new key issues'),
    step('lists', 'certdir', 'Every list is signed with the new key'),
    step('delegate', 'quorum', 'Custodians have another key made for the OCSP responder'),
    step('answers', 'certdir', 'The new key has certified the OCSP responder'),
    step(
      'tell',
      'person',
      'Whoever holds the older certificate was given the new one and its fingerprint',
    ),
    step('store', 'person', 'The new key is backed up (ceremony backup), and the backup is sealed'),
    attest,
    close,
  ],
  backup: [
    present,
    key,
    step('order', 'quorum', 'Custodians approve the copy'),
    step('copy', 'certdir', 'The files of the token are copied and read back'),
    step('store', 'person', "The copy, or the HSM's own backup, is sealed and stored elsewhere"),
    attest,
    close,
  ],
  restore: [
    present,
    step('files', 'certdir', 'The files of the token are those of the backup'),
    activate,
    key,
    step('return', 'person', 'The backup is sealed again and back in its place'),
    attest,
    close,
  ],
  destruction: [
    present,
    step('reason', 'person', 'The order to destroy the key was read, by whom and why'),
    key,
    step('destroy', 'quorum', 'Custodians have the key destroyed'),
    step('gone', 'certdir', 'The token no longer has the key'),
    step('copies', 'person', 'Every copy of the key is destroyed'),
    attest,
    close,
  ],
  compromise: [
    step('stop', 'certdir', 'The key issues nothing any more'),
    step('order', 'quorum', 'Custodians approve that every certificate of the key is revoked'),
    step('revoke', 'certdir', 'Every certificate of the key is revoked, and the lists say so'),
    step('notice', 'certdir', 'The notices for the public and the bridge CA are made'),
    step(
      'tell',
      'person',
      'The bridge CA and the authority in charge were told and given the notice',
    ),
    step('destroy', 'quorum', 'Custodians have the key destroyed'),
    step('gone', 'certdir', 'The token no longer has the key'),
    step('copies', 'person', 'Every copy of the key is destroyed'),
    attest,
    close,
  ],
  withdrawal: [
    step('reason', 'person', 'Why the key was found not to be compromised was read aloud'),
    step('order', 'quorum', 'Custodians approve that the key issues again'),
    step('withdraw', 'certdir', 'The report is withdrawn'),
    attest,
    close,
  ],
  'end-of-service': [
    present,
    step('reason', 'person', 'The decision to end the service was read, by whom and when it ends'),
    step('order', 'quorum', 'Custodians approve the end of the service'),
    step('announce', 'certdir', 'The end of the service is announced'),
    step('notice', 'certdir', 'The notices for the public and the bridge CA are made'),
    step(
      'tell',
      'person',
      'Subscribers, verifiers, the authority in charge and the bridge CA were told',
    ),
    attest,
    close,
  ],
};
