/**
 * What the public and the bridge CA are told when a key is compromised or the service ends (gunma 4-14-2, mic 4.9, secom
 * 4.11 and 4.12), in Japanese and English. The repository shows it; a signed note of it is the file for the bridge CA.
 *
 * The note is signed with the audit log's key: the CA's own proves nothing any more, and its verifier key is in the hands
 * of those who keep checkpoints.
 *
 * @module
 */

import { formatSerialNumber } from '../ca/certificates/serial-number.ts';
import type { Cessation } from '../ca/records/service-record.ts';
import { formatHex } from '../core/bytes.ts';
import { formatTime } from '../http/report-time.ts';
import type { RepositoryNotice } from '../http/repository-notice.ts';
import type { CaInstance } from './ca-instance.ts';
import { sha256 } from './ceremony-evidence.ts';

type Surroundings = Pick<CaInstance, 'authority' | 'policy'>;

/** What the repository shows: what was approved, the newest first. */
export function publicNotices({ authority, policy }: Surroundings): readonly RepositoryNotice[] {
  return authority.cessations.list
    .filter(({ phase }) => phase !== 'suspended')
    .toReversed()
    .map((one) => ({
      id: one.id,
      at: formatTime(one.startedMs),
      title: titleOf(one),
      text: textOf(one, policy.title),
    }));
}

function titleOf({ kind }: Cessation): RepositoryNotice['title'] {
  return kind === 'compromise'
    ? {
        ja: '認証局の秘密鍵の危殆化について',
        en: "Compromise of the certification authority's key",
      }
    : { ja: '認証業務の終了について', en: 'End of the certification service' };
}

function textOf(
  { kind, stopsMs, revokes, destroysKey, generation, explanation, phase }: Cessation,
  title: { readonly ja: string; readonly en: string },
): RepositoryNotice['text'] {
  const from = formatTime(stopsMs);
  const isClosed = phase === 'closed';
  const lists = isClosed
    ? {
        ja: '最後の失効リスト（CRL/ARL）を発行しました。以後、失効リストは発行しません。',
        en: 'The last revocation lists (CRL/ARL) have been issued; none follow.',
      }
    : {
        ja: '失効リスト（CRL/ARL）は引き続き発行します。',
        en: 'Revocation lists (CRL/ARL) go on being issued.',
      };
  const said = kind === 'compromise' ? compromiseText(generation, destroysKey) : endText(revokes);
  return {
    ja: [
      `${title.ja}は、${from}以降、${kind === 'compromise' ? 'この鍵による' : ''}電子証明書の発行を停止します。`,
      said.ja,
      lists.ja,
      explanation.ja,
    ].filter((text) => text !== ''),
    en: [
      `${title.en} issues no certificates${kind === 'compromise' ? ' with this key' : ''} from ${from} on.`,
      said.en,
      lists.en,
      explanation.en,
    ].filter((text) => text !== ''),
  };
}

interface TwoLanguages {
  readonly ja: string;
  readonly en: string;
}

function compromiseText(generation: number, destroysKey: boolean): TwoLanguages {
  const destroyed = destroysKey
    ? { ja: 'この鍵は廃棄します。', en: ' The key is destroyed.' }
    : { ja: '', en: '' };
  return {
    ja: `秘密鍵（第${generation}世代）が危殆化した、又はそのおそれがあるため、この鍵で署名したすべての証明書を失効（cACompromise）させます。この鍵で署名された証明書を信頼しないでください。${destroyed.ja}`,
    en: `The private key (generation ${generation}) is, or may be, in the hands of others. Every certificate signed with it is revoked (cACompromise). Do not trust certificates signed with this key.${destroyed.en}`,
  };
}

function endText(revokes: boolean): TwoLanguages {
  return revokes
    ? {
        ja: 'その時点で有効なすべての証明書を失効させます。失効リストは、すべての証明書の有効期間が満了するまで公開します。',
        en: 'Every certificate that is valid then is revoked. Revocation lists are published until all certificates have ended.',
      }
    : {
        ja: 'その時点で有効な証明書は、有効期間の満了まで有効です。失効リストは、すべての証明書の有効期間が満了するまで公開します。',
        en: 'Certificates that are valid then stay so until they end. Revocation lists are published until all certificates have ended.',
      };
}

/** The note's first line; a checkpoint of the log has another one. */
const NOTE_TITLE = 'certdir notice to the bridge CA';

/** What the bridge CA is given, to be signed. */
export async function bridgeNotice(
  { authority, policy }: Surroundings,
  cessation: Cessation,
): Promise<string> {
  const { kind, id, generation, phase, startedMs, stopsMs, revoked } = cessation;
  const concerned = authority.authorities.all.filter(
    (one) => kind === 'end-of-service' || one.generation === generation,
  );
  const { lists } = await authority.status();
  const arl = lists.find(({ scope }) => scope.onlyContains === 'ca')?.published;
  const title = titleOf(cessation);
  const text = textOf(cessation, policy.title);
  return `${[
    NOTE_TITLE,
    `id ${id}`,
    `kind ${kind}`,
    `state ${phase}`,
    `reported ${formatTime(startedMs)}`,
    `stops issuing ${formatTime(stopsMs)}`,
    `ca ${policy.names.issuer}`,
    ...concerned.map(
      ({ certificate, generation: number }) =>
        `certificate ${number} ${formatSerialNumber(certificate.serialNumber)} sha256 ${sha256(certificate.der)}`,
    ),
    `certificates revoked ${revoked}`,
    ...(arl === undefined
      ? []
      : [`arl ${arl.number} of ${formatTime(arl.thisUpdateMs)} sha256 ${formatHex(arl.sha256)}`]),
    '',
    title.ja,
    ...text.ja,
    '',
    title.en,
    ...text.en,
  ].join('\n')}\n`;
}
