/**
 * Key ceremonies: procedures of which every step is in the audit log before it counts, so that one that was interrupted
 * goes on where it was. A ceremony is one file, `ceremonies/<id>.json`, which becomes the record when it is closed;
 * its SHA-256 is in the log (`ceremony.step`, `ceremony.close`).
 *
 * Approvals are the custodians' (`custody.ts`): there is no other quorum. Proposals do not outlive the signer process; a
 * ceremony that goes on after it puts the same thing before them anew.
 *
 * @module
 */

import { readdir } from 'node:fs/promises';
import { basename, isAbsolute, join, relative } from 'node:path';

import { readIfThere, replaceFile } from '../audit/durable-file.ts';
import type {
  CeremonyApproval,
  CeremonyContinue,
  CeremonyOperations,
  CeremonyReport,
  CeremonyStart,
  CeremonyStep,
} from '../http/ceremony-operations.ts';
import { ceremonyKinds } from '../http/ceremony-operations.ts';
import type { CustodyOperations } from '../http/custody-operations.ts';
import type { PublishLists } from '../http/local-operations.ts';
import type { Operator } from '../http/operator.ts';
import { formatTime } from '../http/report-time.ts';
import type { CustodyOperation } from '../signing/custody/approval.ts';
import { SigningError } from '../signing/errors.ts';
import type { CaInstance } from './ca-instance.ts';
import {
  doCessationStep,
  isCessationKind,
  needlessCessationSteps,
  orderOf,
  reportAtOnce,
} from './ceremony-cessation.ts';
import {
  compareToken,
  copyToken,
  type Facts,
  hasKey,
  keyFacts,
  refused,
  sha256,
} from './ceremony-evidence.ts';
import { ceremonyPlans, type PlannedStep } from './ceremony-plan.ts';
import { formatCeremonyJson, formatCeremonyText } from './ceremony-record.ts';
import { doRenewalStep, isMade, keyToBeMade, needlessSteps } from './ceremony-renewal.ts';
import { isStanding, putStanding } from './ceremony-standing.ts';

type Surroundings = Pick<
  CaInstance,
  | 'configuration'
  | 'policy'
  | 'store'
  | 'audit'
  | 'auditing'
  | 'authority'
  | 'signer'
  | 'clock'
  | 'log'
> & { readonly custody: CustodyOperations; readonly publishLists: PublishLists };

const CEREMONIES_FOLDER = 'ceremonies';
const ID_PATTERN = new RegExp(`^(${ceremonyKinds.join('|')})-\\d{8}T\\d{6}Z$`);
const MAX_TEXT_CHARACTERS = 1_000;

export class LocalCeremonies implements CeremonyOperations {
  readonly #parts: Surroundings;
  readonly #folder: string;
  /** One thing at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: Surroundings) {
    this.#parts = parts;
    this.#folder = join(parts.configuration.folder, CEREMONIES_FOLDER);
  }

  start(input: CeremonyStart, operator: Operator): Promise<CeremonyReport> {
    return this.#inTurn(async () => {
      const { configuration, policy, authority, clock } = this.#parts;
      const { kind, master, witnesses, label, folder } = input;
      [master, ...witnesses].forEach(assertText);
      assertStart(input, configuration.folder);
      const hasCustodians = configuration.token.custodiansFile !== undefined;
      if (!hasCustodians && kind !== 'compromise') {
        throw refused('the token has no custodians; certdir custodian make comes first');
      }
      const started = formatTime(clock.nowMs());
      const id = `${kind}-${started.replaceAll(/[-:]/g, '')}`;
      if ((await readIfThere(this.#fileOf(id))) !== undefined) {
        throw refused(`there is a ceremony ${id}; wait a second`);
      }
      const needless = needlessOf(this.#parts, input);
      const isCessation = isCessationKind(kind);
      const report: CeremonyReport = {
        ...{ format: 'certdir ceremony', version: 1, id, kind, policy: policy.id },
        label:
          label ??
          (kind === 'renewal'
            ? authority.renewal.nextKeyLabel
            : authority.authorities.of(generationOf(this.#parts, input)).keyLabel),
        folder: folder ?? null,
        ...(isCessation ? { order: orderOf(this.#parts, input) } : {}),
        ...{ master, witnesses, started, closed: null, proposal: null },
        steps: ceremonyPlans[kind]
          .filter(({ name }) => !needless.includes(name))
          .map(({ name, title }) => ({
            ...{ name, title, isDone: false, at: null, by: [], note: '', facts: {} },
          })),
      };
      // First of all: whatever becomes of the ceremony, the key issues nothing any more.
      await reportAtOnce(this.#parts, report, { channel: 'cli', actor: operator.name });
      if (!hasCustodians) {
        throw refused(
          'the key issues nothing any more. To go on, custodians have to approve, and the token has none: ' +
            'certdir custodian make, then begin again',
        );
      }
      await this.#save(report, { kind: 'ceremony.start', operator, step: '' });
      return kind === 'compromise' ? await this.#advance(report, operator) : report;
    });
  }

  continue(input: CeremonyContinue, operator: Operator): Promise<CeremonyReport> {
    return this.#inTurn(async () => {
      const { by, note } = input;
      let report = await this.#readToGoOn(input.id);
      const step = nextStep(report);
      if (step?.actor === 'person' && by !== undefined && note !== undefined) {
        [by, note].forEach(assertText);
        report = await this.#finish(report, { operator, by: [by], note, facts: {} });
      } else if (by !== undefined || note !== undefined) {
        throw refused(
          `a step that a person does takes --by and --note; now comes: ${titleOf(step)}`,
        );
      }
      return await this.#advance(report, operator);
    });
  }

  approve({ id, hash, approval }: CeremonyApproval, operator: Operator): Promise<CeremonyReport> {
    return this.#inTurn(async () => {
      const report = await this.#readToGoOn(id);
      if (report.proposal !== hash) {
        throw refused(`this is not what ${id} asks its custodians for; see certdir ceremony show`);
      }
      const { isDone, approvedBy } = await this.#parts.custody.approve(
        { hash, approval },
        operator,
      );
      if (!isDone) {
        return report;
      }
      const facts = { proposal: hash };
      const done = await this.#finish(report, { operator, by: approvedBy, note: '', facts });
      return await this.#advance(done, operator);
    });
  }

  show({ id }: { readonly id: string }): Promise<CeremonyReport> {
    return this.#inTurn(() => this.#read(id));
  }

  async list(): Promise<readonly CeremonyReport[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const ids = names
      .filter((name) => name.endsWith('.json'))
      .map((name) => basename(name, '.json'));
    const reports = await Promise.all(
      ids
        .filter((id) => ID_PATTERN.test(id))
        .sort()
        .map((id) => this.#readAny(id)),
    );
    return reports.filter(({ policy }) => policy === this.#parts.policy.id);
  }

  /** Does steps until somebody has to do one. */
  async #advance(start: CeremonyReport, operator: Operator): Promise<CeremonyReport> {
    let report = start;
    for (;;) {
      const step = nextStep(report);
      if (step === undefined || step.actor === 'person') {
        return report;
      }
      if (step.name === 'close') {
        return await this.#close(report, operator);
      }
      if (step.actor === 'certdir') {
        const facts = await this.#look(report, step.name, operator);
        report = await this.#finish(report, { operator, by: [], note: '', facts });
        continue;
      }
      if (
        step.name === 'destroy' &&
        report.proposal !== null &&
        !(await hasKey(this.#parts, report.label))
      ) {
        // Approved and done, and the program ended before this was written down.
        const note =
          'The key was found destroyed after an interruption; the approvals are in the audit log';
        const facts = { proposal: report.proposal };
        report = await this.#finish(report, { operator, by: [], note, facts });
        continue;
      }
      if (report.kind === 'renewal' && (await isMade(this.#parts, report, step.name))) {
        const note = 'The key was found made; who approved of it is in the audit log';
        report = await this.#finish(report, { operator, by: [], note, facts: {} });
        continue;
      }
      return await this.#propose(report, step.name, operator);
    }
  }

  async #propose(
    report: CeremonyReport,
    name: string,
    operator: Operator,
  ): Promise<CeremonyReport> {
    const { custody, signer } = this.#parts;
    const waiting = await custody.list();
    if (waiting.some(({ hash }) => hash === report.proposal)) {
      return report;
    }
    const isActive = await signer.isActive();
    if (name === 'activate' && isActive) {
      throw refused(
        'the token is open already: deactivate it, or restart the server, so that the custodians show that they can open it',
      );
    }
    const made = keyToBeMade(this.#parts, report, name);
    if ((name === 'destroy' || made !== undefined) && !isActive) {
      throw refused('the token is locked; have custodians activate it first');
    }
    const operation = made ?? operationOf(report, name);
    const { hash } = await custody.propose({ operation }, operator);
    return await this.#save(
      { ...report, proposal: hash },
      { kind: 'ceremony.propose', operator, step: name },
    );
  }

  /** What certdir itself finds or does in a step. Done again after an interruption, it comes to the same. */
  async #look(report: CeremonyReport, name: string, operator: Operator): Promise<Facts> {
    switch (name) {
      case 'key': {
        const { current } = this.#parts.authority.authorities;
        const label = report.kind === 'renewal' ? current.keyLabel : report.label;
        return await keyFacts(this.#parts, label);
      }
      case 'copy':
        return await copyToken(this.#parts, report);
      case 'files':
        return await compareToken(this.#parts, report);
      case 'gone': {
        if (await hasKey(this.#parts, report.label)) {
          throw refused(`the token still has the key ${report.label}`);
        }
        return { 'key in the token': 'none of this name' };
      }
      default: {
        const origin = { channel: 'cli', actor: operator.name };
        const order = { step: name, origin };
        return isCessationKind(report.kind)
          ? await doCessationStep(this.#parts, report, order)
          : await doRenewalStep(this.#parts, report, order);
      }
    }
  }

  async #close(report: CeremonyReport, operator: Operator): Promise<CeremonyReport> {
    const { auditing, clock } = this.#parts;
    const { note: checkpoint } = await auditing.checkpointer.sign().catch((cause: unknown) => {
      throw isLocked(cause) ? lockedLog(report.id, cause) : cause;
    });
    const atMs = clock.nowMs();
    const done = doneStep(report, atMs, {
      by: [],
      note: '',
      facts: { 'audit checkpoint': checkpoint },
    });
    const closed = { ...done, closed: formatTime(atMs) };
    await replaceFile(join(this.#folder, `${report.id}.txt`), formatCeremonyText(closed));
    return await this.#save(closed, { kind: 'ceremony.close', operator, step: 'close' });
  }

  async #finish(
    report: CeremonyReport,
    result: {
      readonly operator: Operator;
      readonly by: readonly string[];
      readonly note: string;
      readonly facts: Facts;
    },
  ): Promise<CeremonyReport> {
    const { operator, ...rest } = result;
    const step = nextStep(report)?.name ?? '';
    const done = doneStep(report, this.#parts.clock.nowMs(), rest);
    return await this.#save(done, { kind: 'ceremony.step', operator, step });
  }

  /** First into the audit log, then into the file: a file that is behind has its step done once more. */
  async #save(
    report: CeremonyReport,
    {
      kind,
      operator,
      step,
    }: { readonly kind: string; readonly operator: Operator; readonly step: string },
  ): Promise<CeremonyReport> {
    const { store, audit } = this.#parts;
    const json = formatCeremonyJson(report);
    await store.transact(`app: ${kind}`, async (transaction) => {
      await putStanding(transaction, report.id, sha256(json));
      await audit.append(transaction, {
        kind,
        result: 'done',
        origin: { channel: 'cli', actor: operator.name },
        subject: report.id,
        after: sha256(json),
        details: {
          ...{ master: report.master, label: report.label },
          ...(step === '' ? {} : { step }),
          ...(report.closed === null ? {} : { textSha256: sha256(formatCeremonyText(report)) }),
        },
      });
    });
    await replaceFile(this.#fileOf(report.id), json);
    return report;
  }

  /** Shown is what the file says; gone on with is what certdir has written. */
  async #readToGoOn(id: string): Promise<CeremonyReport> {
    const report = await this.#read(id);
    if (!(await isStanding(this.#parts.store, id, sha256(formatCeremonyJson(report))))) {
      throw refused(
        `${this.#fileOf(id)} is not what this program wrote, or the store is of before it: what was done is in the audit log (certdir audit list --subject ${id}); start another ceremony`,
      );
    }
    return report;
  }

  /** One of this CA: the folder has those of all. */
  async #read(id: string): Promise<CeremonyReport> {
    const report = await this.#readAny(id);
    if (report.policy !== this.#parts.policy.id) {
      throw refused(`${id} is a ceremony of ${report.policy}; say --ca ${report.policy}`);
    }
    return report;
  }

  async #readAny(id: string): Promise<CeremonyReport> {
    const bytes = ID_PATTERN.test(id) ? await readIfThere(this.#fileOf(id)) : undefined;
    if (bytes === undefined) {
      throw refused(`there is no ceremony ${id.slice(0, 64)}; see certdir ceremony list`);
    }
    const report = parseReport(bytes.toString('utf8'));
    if (report === undefined || report.id !== id) {
      throw refused(`${this.#fileOf(id)} was changed; its SHA-256 is in the audit log`);
    }
    return report;
  }

  #fileOf(id: string): string {
    return join(this.#folder, `${id}.json`);
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(action);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** Steps that policy or order do not need. */
function needlessOf(parts: Surroundings, input: CeremonyStart): readonly string[] {
  if (input.kind === 'renewal') {
    return needlessSteps(parts);
  }
  return input.kind === 'compromise' ? needlessCessationSteps(input) : [];
}

/** The key that a ceremony is about, where it does not name one. */
function generationOf({ authority }: Surroundings, { order }: CeremonyStart): number {
  return order?.generation ?? authority.authorities.current.generation;
}

/** The first step that is not done, as planned. */
function nextStep({ kind, steps }: CeremonyReport): PlannedStep | undefined {
  const next = steps.find(({ isDone }) => !isDone);
  return ceremonyPlans[kind].find(({ name }) => name === next?.name);
}

function titleOf(step: PlannedStep | undefined): string {
  return step === undefined ? 'nothing, it is closed' : step.title;
}

function doneStep(
  report: CeremonyReport,
  atMs: number,
  result: Pick<CeremonyStep, 'by' | 'note' | 'facts'>,
): CeremonyReport {
  const next = nextStep(report)?.name;
  const steps = report.steps.map((step) =>
    step.name === next ? { ...step, ...result, isDone: true, at: formatTime(atMs) } : step,
  );
  return { ...report, steps, proposal: null };
}

function operationOf(report: CeremonyReport, name: string): CustodyOperation {
  switch (name) {
    case 'activate':
      return { act: 'activate' };
    case 'destroy':
      return { act: 'destroy', label: report.label };
    default:
      // What was done so far, or what is to be copied: the record says it to the last letter.
      return {
        act: 'attest',
        subject: report.id,
        sha256: sha256(formatCeremonyJson({ ...report, proposal: null })),
      };
  }
}

function assertStart({ kind, label, folder, order }: CeremonyStart, dataFolder: string): void {
  if (order !== undefined && !isCessationKind(kind)) {
    throw refused('only what ends a key or the service has an order');
  }
  const { ja, en } = order?.explanation ?? { ja: 'none', en: 'none' };
  [ja, en].forEach(assertText);
  const needsFolder = kind === 'backup' || kind === 'restore';
  if (needsFolder !== (folder !== undefined)) {
    throw refused('backup and restore take a folder, and nothing else does');
  }
  if (folder !== undefined) {
    const inside = relative(dataFolder, folder);
    if (!isAbsolute(folder) || !inside.startsWith('..')) {
      throw refused('the folder of the copy must be outside the data folder');
    }
  }
  if ((kind === 'destruction') !== (label !== undefined)) {
    throw refused('destruction names its key, and nothing else does');
  }
}

function assertText(text: string): void {
  const isPlain = [...text].every((character) => character >= ' ' && character !== '\u007f');
  if (text.trim() === '' || text.length > MAX_TEXT_CHARACTERS || !isPlain) {
    throw refused(`names and notes are one line of at most ${MAX_TEXT_CHARACTERS} characters`);
  }
}

function parseReport(text: string): CeremonyReport | undefined {
  try {
    const report = JSON.parse(text) as CeremonyReport;
    const isOurs = report.format === 'certdir ceremony' && report.version === 1;
    return isOurs && ceremonyKinds.includes(report.kind) ? report : undefined;
  } catch {
    return undefined;
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof SigningError && error.code === 'SIGNING_NOT_ACTIVE';
}

function lockedLog(id: string, cause: unknown): SigningError {
  const text = `the audit log's key is in the token, which is locked: have custodians activate it, then certdir ceremony continue ${id}`;
  return new SigningError('SIGNING_NOT_ACTIVE', text, { cause });
}
