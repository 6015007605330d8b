/**
 * What this server can do, as its root DSE says it (RFC 4512 §5.1). The directory publishes it; only
 * what works stands here.
 *
 * @module
 */

import type { RootDseFacts } from '../directory/public-entries.ts';
import { CANCEL } from './cancel.ts';
import { WHO_AM_I } from './extended-operations.ts';
import { PASSWORD_MODIFY } from './password-modify.ts';
import { supportedControls } from './request-controls.ts';
import { START_TLS } from './start-tls.ts';

/** RFC 3673: `+` selects all operational attributes. */
const ALL_OPERATIONAL_ATTRIBUTES = '1.3.6.1.4.1.4203.1.5.1';

/** RFC 4529: `@class` selects the attributes of an object class. */
const OBJECT_CLASS_SELECTION = '1.3.6.1.4.1.4203.1.5.2';

/** RFC 4526: `(&)` and `(|)` are true and false. */
const ABSOLUTE_FILTERS = '1.3.6.1.4.1.4203.1.5.3';

/** RFC 4525: modify with increment. */
const MODIFY_INCREMENT = '1.3.6.1.1.14';

/**
 * What the root DSE shall say.
 *
 * @param offersStartTls Whether a listener lets clients start TLS.
 */
export function serverCapabilities(offersStartTls: boolean): RootDseFacts {
  return {
    supportedLdapVersions: ['3'],
    supportedExtensions: [
      ...(offersStartTls ? [START_TLS] : []),
      CANCEL,
      PASSWORD_MODIFY,
      WHO_AM_I,
    ],
    supportedControls,
    supportedFeatures: [
      ALL_OPERATIONAL_ATTRIBUTES,
      OBJECT_CLASS_SELECTION,
      ABSOLUTE_FILTERS,
      MODIFY_INCREMENT,
    ],
  };
}
