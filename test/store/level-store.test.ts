import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import { contractLimits, storeContract } from '../contract/store-contract.ts';

storeContract({
  name: 'LevelDB',
  open: (folder) =>
    openLevelStore({
      folder,
      clock: new SystemClock(),
      log: silentLog,
      limits: contractLimits,
    }),
});
