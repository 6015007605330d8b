/**
 * A standby in a process of its own: follows when it is told whom, until it is ended.
 *
 * @module
 */

import { PrimarySource } from '../../src/app/standby-source.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { StandbyFollower } from '../../src/store/standby/standby-follower.ts';
import { answerQuestions } from './workshop.ts';

export interface FollowOrder {
  readonly folder: string;
  readonly url: string;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** SHA-256 of the primary's certificate, lower-case hexadecimal. */
  readonly server: string;
}

const MIB = 1024 * 1024;
const LOOK_MS = 20;

async function follow({ folder, url, ...credentials }: FollowOrder): Promise<boolean> {
  const follower = new StandbyFollower({
    ...{ folder, clock: new SystemClock(), log: silentLog },
    source: new PrimarySource(url, credentials),
    ...{ cacheBytes: 8 * MIB, writeBufferBytes: 16 * MIB },
  });
  follower.follow().catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  });
  while (!follower.status.isConnected) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return true;
}

answerQuestions((question) => follow(question as FollowOrder));
