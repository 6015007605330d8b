/**
 * A directory that takes its callers for others: from another address than the loopback, or for the program
 * itself, so that a server on the loopback can be asked as either.
 *
 * @module
 */

import type { Directory } from '../../src/directory/directory.ts';
import type { Caller, DirectoryService, Session } from '../../src/directory/service.ts';

/** Every caller is this one. */
export function servedAs(directory: Directory, caller: Caller): DirectoryService {
  return recast(directory, { asCaller: () => caller, asSession: (session) => session });
}

/** Every caller comes from the address that its session is given. */
export function servedFrom(
  directory: Directory,
  addressOf: (session: Session) => string,
): DirectoryService {
  const sessions = new WeakMap<Session, Session>();
  const asSession = (session: Session): Session => {
    const known = sessions.get(session) ?? { ...session, address: addressOf(session) };
    sessions.set(session, known);
    return known;
  };
  const asCaller = ({ principal, session }: Caller): Caller => ({
    principal,
    session: asSession(session),
  });
  return recast(directory, { asCaller, asSession });
}

function recast(
  directory: Directory,
  {
    asCaller: as,
    asSession,
  }: {
    readonly asCaller: (caller: Caller) => Caller;
    readonly asSession: (session: Session) => Session;
  },
): DirectoryService {
  const { answers } = directory;
  return {
    search: (request, caller) => directory.search(request, as(caller)),
    compare: (request, caller) => directory.compare(request, as(caller)),
    add: (request, caller) => directory.add(request, as(caller)),
    modify: (request, caller) => directory.modify(request, as(caller)),
    delete: (request, caller) => directory.delete(request, as(caller)),
    rename: (request, caller) => directory.rename(request, as(caller)),
    bind: (dn, password, session) => directory.bind(dn, password, asSession(session)),
    bindCertificate: (session) => directory.bindCertificate(asSession(session)),
    checkAuthorization: (id, caller) => directory.checkAuthorization(id, as(caller)),
    changePassword: (request, caller) => directory.changePassword(request, as(caller)),
    get statistics() {
      return directory.statistics;
    },
    answers: {
      record: () => answers.record(),
      audienceOf: (caller) => answers.audienceOf(as(caller)),
      repeated: (record, caller) => answers.repeated(record, as(caller)),
    },
  };
}
