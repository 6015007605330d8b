/**
 * What the repository publishes of a CA beside its certificates and lists, from the CA's own records.
 *
 * @module
 */

import { subtreesOf } from '../ca/policy/policy-neighbours.ts';
import { hasDelta } from '../ca/policy/scope.ts';
import type { DocumentSettings } from '../config/document-settings.ts';
import { ConfigError } from '../config/errors.ts';
import type { RepositoryCa } from '../http/public-repository.ts';
import type { RepositoryName } from '../http/repository-names.ts';
import type { RepositoryPublications } from '../http/repository-publications.ts';
import type { CaInstance, Instance } from './ca-instance.ts';
import { publicNotices } from './cessation-notice.ts';
import { repositoryPaths } from './repository-paths.ts';

type PublicPage = RepositoryCa & { readonly base: string };

/**
 * Every CA as its pages show it.
 *
 * @throws {ConfigError} `CONFIG_INVALID` for a document of a CA that is not here.
 */
export function publicPages(instance: Instance): readonly [PublicPage, ...PublicPage[]] {
  const { cas, configuration } = instance;
  const documents = configuration.http?.documents ?? [];
  const ids = cas.map(({ policy }) => policy.id);
  for (const { path, ca } of documents) {
    if (ca !== undefined && !ids.includes(ca)) {
      const message = `http.documents: ${path} is of "${ca}"; the CAs here are ${ids.join(', ')}`;
      throw new ConfigError('CONFIG_INVALID', message);
    }
  }
  const pageOf = (ca: CaInstance): PublicPage => {
    const { id, names, title } = ca.policy;
    // A document of no CA in particular is on the page of the first.
    const own = documents.filter((one) => (one.ca ?? ids[0]) === id);
    const base = `/${id}`;
    const publications = publicationsOf(ca, own, cas.length === 1 ? '' : base);
    const notices = (): ReturnType<typeof publicNotices> => publicNotices(ca);
    const paths = repositoryPaths(ca);
    return { base, caDn: names.issuer, caName: title, notices, publications, paths };
  };
  const [first, ...others] = cas;
  return [pageOf(first), ...others.map(pageOf)];
}

export interface PublishingParts {
  readonly authority: Pick<CaInstance['authority'], 'bridge' | 'publishedNames' | 'scopes'>;
  readonly policy: Pick<CaInstance['policy'], 'crl' | 'directory' | 'names'>;
  readonly auditing: { readonly checkpointer: { signNote(text: string): Promise<string> } };
}

/** @param base What stands before the paths of its lists. */
export function publicationsOf(
  { authority, auditing, policy }: PublishingParts,
  documents: readonly DocumentSettings[],
  base: string,
): RepositoryPublications {
  return {
    names: async () => ({
      crossCertified: (await authority.bridge.certifiedPeers()).map(
        ({ title, name, state, certifiedMs, cancelledMs }): RepositoryName => ({
          title,
          name,
          state,
          sinceMs: state === 'cancelled' ? (cancelledMs ?? certifiedMs) : certifiedMs,
        }),
      ),
      subjects: (await authority.publishedNames.list()).map(
        ({ subject, state, sinceMs }): RepositoryName => ({
          title: undefined,
          name: subject,
          state,
          sinceMs,
        }),
      ),
    }),
    documents,
    tops: subtreesOf(policy),
    listPath: (dn, attribute) => {
      const isDelta = attribute === 'deltaRevocationList';
      const scope = authority.scopes.list.find(
        (one) =>
          one.dn.toLowerCase() === dn.toLowerCase() &&
          (one.attribute === attribute || (isDelta && hasDelta(one, policy))),
      );
      return scope && `${base}/crl/${scope.id}${isDelta ? '.delta' : ''}.crl`;
    },
    signNote: (text) => auditing.checkpointer.signNote(text),
  };
}
