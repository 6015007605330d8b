/**
 * Publishing many lists: a few at a time, so that one is put together while another is signed and a third becomes
 * durable. How much is in memory meanwhile is bounded by the publication itself (`crl-publication.ts`).
 *
 * @module
 */

/** How many lists are in work together. More would not be faster on two processors. */
export const PUBLICATION_LANES = 4;

/**
 * Takes steps in several lanes until `next` has no more; each lane asks when its step is done.
 *
 * @param step Must not reject for what concerns one step alone; when it does, no further steps are begun and the first
 *   error is thrown once those under way have ended.
 */
export async function runInLanes<Step>(
  next: () => Step | undefined,
  step: (what: Step) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    while (failures.length === 0) {
      const what = next();
      if (what === undefined) {
        return;
      }
      try {
        await step(what);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: PUBLICATION_LANES }, lane));
  if (failures.length > 0) {
    throw failures[0];
  }
}
