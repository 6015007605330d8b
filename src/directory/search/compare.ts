/**
 * Compare (RFC 4511 §4.10). An attribute that the caller may not compare is as if the entry did not
 * have it.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import type { ReadView } from '../../store/store.ts';
import { publicAccess } from '../access/access.ts';
import { AccessNotes } from '../access/access-notes.ts';
import { type DirectoryCore, findVisible, type VisibleEntry } from '../directory-core.ts';
import type { Attribute } from '../entries/entry.ts';
import { loadValues } from '../entries/large-values.ts';
import { DirectoryError } from '../errors.ts';
import { Dn } from '../names/dn.ts';
import type { PublicEntries } from '../public-entries.ts';
import {
  type AttributeDescription,
  isSubtypeOf,
  parseAttributeDescription,
  requireAttributeDescription,
} from '../schema/attribute-description.ts';
import type { AttributeType, EqualityRule } from '../schema/schema-model.ts';
import type { Caller, CompareRequest, ObservedAccess } from '../service.ts';
import { expectAssertion } from './entry-reading.ts';
import { followReferral } from './referrals.ts';

type KnownDescription = AttributeDescription & { readonly type: AttributeType };

interface CompareCall {
  readonly request: CompareRequest;
  /** As it is now. */
  readonly caller: Caller;
}

/** See `DirectoryService.compare`. */
export async function compareValue(
  core: DirectoryCore,
  publicEntries: PublicEntries,
  call: CompareCall,
): Promise<boolean> {
  const { observer, schema } = core;
  if (observer === undefined) {
    return await compareIn(core, publicEntries, call);
  }
  const { request, caller } = call;
  const { type } = parseAttributeDescription(request.attribute, schema);
  const notes = new AccessNotes(request.dn);
  if (type !== undefined) {
    notes.noteAsked(type);
  }
  let result: ObservedAccess['result'] = 'success';
  try {
    return await compareIn(core, publicEntries, call);
  } catch (error) {
    result = error instanceof DirectoryError ? error.code : 'other';
    throw error;
  } finally {
    const { base, asked, looks } = notes;
    const facts = { base, asked, looks, entries: 0, result };
    observer.accessed({ operation: 'compare', caller, ...facts, isRepeated: false });
  }
}

async function compareIn(
  core: DirectoryCore,
  publicEntries: PublicEntries,
  { request, caller }: CompareCall,
): Promise<boolean> {
  const { schema } = core;
  const dn = Dn.parse(request.dn, schema);
  const asserted = requireAttributeDescription(request.attribute, schema);
  const callerAccess = core.policy.forCaller(caller, core.clock.nowMs());
  const snapshot = core.store.snapshot();
  try {
    const context = { view: snapshot, access: callerAccess };
    const special =
      publicEntry(dn, publicEntries) ??
      (await core.monitor.find(dn, { scope: 'base', access: callerAccess }))?.base;
    if (request.manageDsaIt !== true && special === undefined) {
      await followReferral(core, dn, context);
    }
    const { entry, access } = special ?? (await findVisible(core, dn, context));
    await expectAssertion(core, request.assertion, {
      ...context,
      ...{ entry, special: special?.access },
    });
    const rule = equalityOf(asserted.type);
    const assertion = rule.readAssertion(request.value, schema);
    const wanted = core.computed.wanted((type) => isSubtypeOf(type, asserted.type));
    const complete =
      special === undefined ? await core.computed.complete(entry, wanted, context) : entry;
    const attributes = complete.attributes.filter(
      (attribute) => isAsserted(attribute, asserted) && access.allows('compare', attribute.type),
    );
    if (attributes.length === 0) {
      throw new DirectoryError('DIRECTORY_NO_SUCH_ATTRIBUTE', 'the entry has no such attribute');
    }
    return await someMatches(attributes, snapshot, (value) => assertion.matches(value));
  } finally {
    await snapshot.close();
  }
}

function publicEntry(dn: Dn, { rootDse, subschema }: PublicEntries): VisibleEntry | undefined {
  const entry = [rootDse, subschema].find(({ key }) => equalBytes(key, dn.key));
  return entry === undefined ? undefined : { entry, access: publicAccess };
}

function equalityOf(type: AttributeType): EqualityRule {
  if (type.equality === undefined) {
    throw new DirectoryError(
      'DIRECTORY_INAPPROPRIATE_MATCHING',
      `values of ${type.name} cannot be compared`,
    );
  }
  return type.equality;
}

/** The type or a subtype, with at least the options given (RFC 4512 §2.5.2). */
function isAsserted({ type, options }: Attribute, asserted: KnownDescription): boolean {
  return (
    isSubtypeOf(type, asserted.type) && asserted.options.every((option) => options.includes(option))
  );
}

async function someMatches(
  attributes: readonly Attribute[],
  view: ReadView,
  isMatch: (value: Uint8Array) => boolean,
): Promise<boolean> {
  for (const attribute of attributes) {
    for (const value of await loadValues(view, attribute)) {
      if (isMatch(value)) {
        return true;
      }
    }
  }
  return false;
}
