import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import { bulkLoadContract } from '../contract/bulk-load-contract.ts';
import { contractLimits } from '../contract/store-contract.ts';

bulkLoadContract({
  name: 'LevelDB',
  open: (folder) =>
    openLevelStore({
      folder,
      clock: new SystemClock(),
      log: silentLog,
      limits: { ...contractLimits, loadRunBytes: 8 * 1024 },
    }),
});
