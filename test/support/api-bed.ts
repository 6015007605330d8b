/**
 * The API of a CA for one test: the listener on the loopback, operators with passwords and certificates, and a client.
 *
 * @module
 */

import { createHash, X509Certificate } from 'node:crypto';
import { apiAuthority } from '../../src/app/api.ts';
import { failureKinds } from '../../src/app/failure-kinds.ts';
import { StoredAnswers } from '../../src/app/kept-answers.ts';
import { LocalCross } from '../../src/app/local-cross.ts';
import type { AccessFacts } from '../../src/audit/access-event.ts';
import { KeepingRegister } from '../../src/audit/keeping-register.ts';
import type { Publication } from '../../src/ca/lists/crl-publication.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { SystemRandom } from '../../src/core/random.ts';
import type { ApiRoute } from '../../src/http/api/api-route.ts';
import { apiRoutes } from '../../src/http/api/api-routes.ts';
import { type ApiServer, openApiServer } from '../../src/http/api/api-server.ts';
import type { ApiStatistics } from '../../src/http/api/call-counts.ts';
import { LocalOperations } from '../../src/http/local-operations.ts';
import { makeTlsCertificate } from '../../src/setup/tls-certificate.ts';
import { absentAudit } from './absent-audit.ts';
import {
  absentCeremonies,
  absentCustody,
  absentKeys,
  absentRevocations,
} from './absent-custody.ts';
import { ApiClient, type ClientCertificate } from './api-client.ts';
import { CaTestBed, type CaTestBedOptions } from './ca-test-bed.ts';

type Life = { after(fn: () => unknown): void };

export interface ApiBedOptions extends CaTestBedOptions {
  readonly routes?: readonly ApiRoute[];
  readonly budgets?: { readonly operatorCalls?: number; readonly addressCalls?: number };
  readonly maxKept?: number;
  /** Ids under which the same CA is served once more, as if it were others. */
  readonly neighbours?: readonly string[];
  readonly maxBodyBytes?: number;
  readonly sessions?: { readonly perOperator: number; readonly total: number };
}

const system = new SystemClock();
const random = new SystemRandom();
const serverTls = makeTlsCertificate({ address: '127.0.0.1', clock: system, random });

/** What the server shows under TLS. */
export const serverCertificatePem: string = serverTls.certificatePem;

export class ApiBed extends ApiClient {
  readonly ca: CaTestBed;
  /** What the access journal was told. */
  readonly looks: readonly AccessFacts[];

  readonly #server: ApiServer;

  private constructor(ca: CaTestBed, server: ApiServer, looks: readonly AccessFacts[]) {
    super({ url: server.url, id: ca.policy.id, trusted: serverTls.certificatePem });
    this.ca = ca;
    this.looks = looks;
    this.#server = server;
  }

  get statistics(): ApiStatistics {
    return this.#server.statistics;
  }

  static async open(life: Life, options: ApiBedOptions = {}): Promise<ApiBed> {
    const ca = await CaTestBed.open(life, options);
    const looks: AccessFacts[] = [];
    const authority = apiAuthority({ ...ca.options, authority: ca.ca }, operationsOf(ca), {
      prepare: (facts) => facts as never,
      add: (facts) => {
        looks.push(facts as never);
      },
    });
    const server = await openApiServer({
      routes: options.routes ?? apiRoutes,
      authorities: [authority, ...(options.neighbours ?? []).map((id) => ({ ...authority, id }))],
      address: '127.0.0.1',
      port: 0,
      tls: { certificate: serverTls.certificatePem, key: serverTls.keyPem },
      sessions: {
        idleMs: 900_000,
        absoluteMs: 3_600_000,
        perOperator: 2,
        total: 50,
        ...options.sessions,
      },
      operatorCalls: 10_000,
      addressCalls: 20_000,
      ...options.budgets,
      keptAnswers: new StoredAnswers({
        ...{ store: ca.store, clock: ca.clock, random: ca.random },
        ...{ keptHours: 24, maxKept: options.maxKept ?? 1_000 },
      }),
      maxBodyBytes: options.maxBodyBytes ?? 65_536,
      maxConnections: 100,
      failureKinds,
      version: '0.0.0',
      clock: ca.clock,
      random: ca.random,
      log: silentLog,
    });
    const bed = new ApiBed(ca, server, looks);
    life.after(async () => {
      bed.forgetConnections();
      await server.close();
    });
    return bed;
  }

  /** Makes an operator. @returns its name's DN. */
  async operator(
    name: string,
    roles: readonly string[],
    proof: {
      readonly password?: string;
      readonly certificate?: ClientCertificate;
      /** Municipalities that it acts for. */
      readonly partitions?: readonly string[];
    },
  ): Promise<string> {
    const values = (description: string, ...texts: readonly string[]) => ({
      description,
      values: texts.map(encodeUtf8),
    });
    const dn = `cn=${name},${this.ca.policy.directory.operators}`;
    const { password, certificate, partitions = [] } = proof;
    await this.ca.directory.add(
      {
        dn,
        attributes: [
          values('objectClass', 'applicationProcess', 'certdirOperator'),
          values('cn', name),
          values('certdirOperatorRole', ...roles),
          ...(partitions.length === 0 ? [] : [values('certdirGrantedPartition', ...partitions)]),
          ...(password === undefined ? [] : [values('userPassword', password)]),
          ...(certificate === undefined
            ? []
            : [values('certdirCertificateSha256', fingerprintOf(certificate))]),
        ],
      },
      administrator,
    );
    return dn;
  }

  /** Changes an attribute of an account. */
  async setAttribute(dn: string, attribute: string, text: string): Promise<void> {
    const change = { operation: 'replace', attribute, values: [encodeUtf8(text)] } as const;
    await this.ca.directory.modify({ dn, changes: [change] }, administrator);
  }

  /** A certificate that nobody vouches for. */
  clientCertificate(): ClientCertificate {
    return makeTlsCertificate({ address: '127.0.0.1', clock: this.ca.clock, random });
  }
}

const administrator = {
  principal: { kind: 'system', name: 'test' },
  session: { isProtected: true, address: '', channel: 'cli' },
} as const;

export function fingerprintOf({ certificatePem }: ClientCertificate): string {
  return createHash('sha256').update(new X509Certificate(certificatePem).raw).digest('hex');
}

/** With publishing, and stand-ins for what no route of the API calls. */
function operationsOf(bed: CaTestBed): LocalOperations {
  const absent = (): Promise<never> => Promise.reject(new Error('nobody asks'));
  return new LocalOperations({
    ...{ policy: bed.policy, directory: bed.directory, authority: bed.ca, clock: bed.clock },
    publishLists: async ({ scopeIds, origin }, onPublished) => {
      const published: Publication[] = [];
      for (const id of scopeIds) {
        published.push(await bed.ca.publish(id, origin));
        onPublished(published.length);
      }
      return published;
    },
    status: absent,
    check: absent,
    journal: absent,
    takeCheckpoints: absent,
    backup: absent,
    readControls: () => ({}),
    auditOperations: absentAudit,
    record: absent,
    recordArchive: absent,
    archiveParts: { policyId: bed.policy.id, utcOffsetMs: 0, nowMs: () => 0, signNote: absent },
    keeping: new KeepingRegister({ store: bed.store, audit: bed.options.audit, clock: bed.clock }),
    archiveStatus: absent,
    custodyOperations: absentCustody,
    ceremonyOperations: absentCeremonies,
    revocationOperations: absentRevocations,
    keyOperations: absentKeys,
    crossOperations: new LocalCross({
      ...{ authority: bed.ca, policy: bed.policy, clock: bed.clock },
      ...{ custody: absentCustody, custodiansFile: undefined },
    }),
  });
}
