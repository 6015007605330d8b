import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { isCertdirError } from '../../src/core/errors.ts';
import { Schema } from '../../src/directory/schema/schema.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const STRING = '1.3.6.1.4.1.1466.115.121.1.15';
const INTEGER = '1.3.6.1.4.1.1466.115.121.1.27';
const name = `attributeTypes: ( 1.1 NAME 'name' EQUALITY caseIgnoreMatch SYNTAX ${STRING} )`;

function load(...lines: string[]): Schema {
  return Schema.parse([{ file: 'test.ldif', text: ['dn: cn=schema', ...lines, ''].join('\n') }]);
}

describe('schema files', () => {
  it('may refer forward and to each other', () => {
    const schema = Schema.parse([
      { file: 'a.ldif', text: "dn: cn=schema\nattributeTypes: ( 1.2 NAME 'cn' SUP name )\n" },
      { file: 'b.ldif', text: `dn: cn=schema\n${name}\n` },
    ]);
    assert.equal(schema.attributeType('cn')?.superior?.oid, '1.1');
  });

  const refused: readonly {
    readonly why: string;
    readonly lines: readonly string[];
    readonly code: string;
    readonly line: number;
  }[] = [
    {
      why: 'two types with one OID',
      lines: [name, `attributeTypes: ( 1.1 NAME 'other' SYNTAX ${STRING} )`],
      code: 'DIRECTORY_SCHEMA_DUPLICATE',
      line: 3,
    },
    {
      why: 'two types with one name in other letters',
      lines: [name, `attributeTypes: ( 1.2 NAME ( 'x' 'NAME' ) SYNTAX ${STRING} )`],
      code: 'DIRECTORY_SCHEMA_DUPLICATE',
      line: 3,
    },
    {
      why: 'two classes with one name',
      lines: ["objectClasses: ( 1.1 NAME 'a' )", "objectClasses: ( 1.2 NAME 'A' )"],
      code: 'DIRECTORY_SCHEMA_DUPLICATE',
      line: 3,
    },
    {
      why: 'a name twice in one description',
      lines: [`attributeTypes: ( 1.2 NAME ( 'x' 'X' ) SYNTAX ${STRING} )`],
      code: 'DIRECTORY_SCHEMA_DUPLICATE',
      line: 2,
    },
    {
      why: 'an unknown superior of a type',
      lines: ["attributeTypes: ( 1.2 NAME 'x' SUP nobody )"],
      code: 'DIRECTORY_SCHEMA_REFERENCE',
      line: 2,
    },
    {
      why: 'an unknown superior of a class',
      lines: [name, "objectClasses: ( 1.2 NAME 'x' SUP nobody )"],
      code: 'DIRECTORY_SCHEMA_REFERENCE',
      line: 3,
    },
    {
      why: 'an unknown attribute type in MUST',
      lines: ["objectClasses: ( 1.2 NAME 'x' MUST nobody )"],
      code: 'DIRECTORY_SCHEMA_REFERENCE',
      line: 2,
    },
    {
      why: 'an unknown attribute type in MAY',
      lines: [name, "objectClasses: ( 1.2 NAME 'x' MAY ( name $ nobody ) )"],
      code: 'DIRECTORY_SCHEMA_REFERENCE',
      line: 3,
    },
    {
      why: 'an unknown syntax',
      lines: ["attributeTypes: ( 1.2 NAME 'x' SYNTAX 1.2.3.4 )"],
      code: 'DIRECTORY_SCHEMA_REFERENCE',
      line: 2,
    },
    {
      why: 'an unknown matching rule',
      lines: [`attributeTypes: ( 1.2 NAME 'x' EQUALITY nobodyMatch SYNTAX ${STRING} )`],
      code: 'DIRECTORY_SCHEMA_REFERENCE',
      line: 2,
    },
    {
      why: 'a type that is its own superior',
      lines: ["attributeTypes: ( 1.2 NAME 'x' SUP x )"],
      code: 'DIRECTORY_SCHEMA_CYCLE',
      line: 2,
    },
    {
      why: 'types in a ring',
      lines: [
        "attributeTypes: ( 1.2 NAME 'x' SUP y )",
        "attributeTypes: ( 1.3 NAME 'y' SUP z )",
        "attributeTypes: ( 1.4 NAME 'z' SUP 1.2 )",
      ],
      code: 'DIRECTORY_SCHEMA_CYCLE',
      line: 2,
    },
    {
      why: 'classes in a ring',
      lines: ["objectClasses: ( 1.2 NAME 'x' SUP y )", "objectClasses: ( 1.3 NAME 'y' SUP x )"],
      code: 'DIRECTORY_SCHEMA_CYCLE',
      line: 2,
    },
    {
      why: 'neither SUP nor SYNTAX',
      lines: ["attributeTypes: ( 1.2 NAME 'x' )"],
      code: 'DIRECTORY_SCHEMA_INCONSISTENT',
      line: 2,
    },
    {
      why: 'an ordering rule as EQUALITY',
      lines: [`attributeTypes: ( 1.2 NAME 'x' EQUALITY caseIgnoreOrderingMatch SYNTAX ${STRING} )`],
      code: 'DIRECTORY_SCHEMA_INCONSISTENT',
      line: 2,
    },
    {
      why: 'a rule that does not go with the syntax',
      lines: [`attributeTypes: ( 1.2 NAME 'x' EQUALITY caseIgnoreMatch SYNTAX ${INTEGER} )`],
      code: 'DIRECTORY_SCHEMA_INCONSISTENT',
      line: 2,
    },
    {
      why: 'an inherited rule that does not go with the syntax',
      lines: [name, `attributeTypes: ( 1.2 NAME 'x' SUP name SYNTAX ${INTEGER} )`],
      code: 'DIRECTORY_SCHEMA_INCONSISTENT',
      line: 3,
    },
    {
      why: 'another usage than the superior',
      lines: [name, "attributeTypes: ( 1.2 NAME 'x' SUP name USAGE directoryOperation )"],
      code: 'DIRECTORY_SCHEMA_INCONSISTENT',
      line: 3,
    },
    {
      why: 'COLLECTIVE and SINGLE-VALUE',
      lines: [`attributeTypes: ( 1.2 NAME 'x' SYNTAX ${STRING} SINGLE-VALUE COLLECTIVE )`],
      code: 'DIRECTORY_SCHEMA_INCONSISTENT',
      line: 2,
    },
    {
      why: 'NO-USER-MODIFICATION of a user attribute',
      lines: [`attributeTypes: ( 1.2 NAME 'x' SYNTAX ${STRING} NO-USER-MODIFICATION )`],
      code: 'DIRECTORY_SCHEMA_INCONSISTENT',
      line: 2,
    },
    {
      why: 'a structural class under an auxiliary one',
      lines: ["objectClasses: ( 1.2 NAME 'x' AUXILIARY )", "objectClasses: ( 1.3 NAME 'y' SUP x )"],
      code: 'DIRECTORY_SCHEMA_INCONSISTENT',
      line: 3,
    },
    {
      why: 'an abstract class under a structural one',
      lines: ["objectClasses: ( 1.2 NAME 'x' )", "objectClasses: ( 1.3 NAME 'y' SUP x ABSTRACT )"],
      code: 'DIRECTORY_SCHEMA_INCONSISTENT',
      line: 3,
    },
    {
      why: 'bad grammar',
      lines: [name, 'objectClasses: ( 1.2 NAME x )'],
      code: 'DIRECTORY_SCHEMA_SYNTAX',
      line: 3,
    },
    {
      why: 'a kind of description that is not used here',
      lines: ["nameForms: ( 1.2 NAME 'x' )"],
      code: 'DIRECTORY_SCHEMA_SYNTAX',
      line: 2,
    },
  ];
  for (const { why, lines, code, line } of refused) {
    it(`refuse ${why}, with the line`, () => {
      assert.throws(
        () => load(...lines),
        (error: unknown) => {
          assert.ok(error instanceof Error);
          assert.equal((error as Error & { code?: string }).code, code, error.message);
          assert.ok(error.message.startsWith(`test.ldif:${line}: `), error.message);
          return true;
        },
      );
    });
  }

  it('that are not LDIF are refused with the file', () => {
    assert.throws(() => load('nonsense'), {
      code: 'DIRECTORY_LDIF_SYNTAX',
      message: /^test\.ldif: line 2: /,
    });
  });
});

describe('the schema folder', () => {
  it('is read in whole, other files left alone', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'a.ldif'), `dn: cn=schema\n${name}\n`);
    writeFileSync(join(folder, 'README.md'), 'not a schema');
    const schema = await Schema.load(folder);
    assert.equal(schema.attributeType('name')?.oid, '1.1');
  });

  it('can be extended by a second folder, whose faults are told with path and line', async (t) => {
    const [folder, extension] = [temporaryFolder(t), temporaryFolder(t)];
    const record = (line: string): string => `dn: cn=schema\n${line}\n`;
    writeFileSync(join(folder, 'own.ldif'), record(name));
    const file = join(extension, 'own.ldif');
    writeFileSync(file, record("attributeTypes: ( 1.2 NAME 'more' SUP name )"));
    const schema = await Schema.load(folder, extension);
    assert.equal(schema.attributeType('more')?.superior?.oid, '1.1');
    const faults = [
      [name, 'DUPLICATE'],
      ["attributeTypes: ( 1.2 NAME 'more' SUP none )", 'REFERENCE'],
      ["attributeTypes: ( 1.2 NAME 'more' SUP more )", 'CYCLE'],
      ["objectClasses: ( 1.3 NAME 'c' MUST none )", 'REFERENCE'],
      ['attributeTypes: nonsense', 'SYNTAX'],
    ] as const;
    for (const [line, code] of faults) {
      writeFileSync(file, record(line));
      await assert.rejects(Schema.load(folder, extension), (error: unknown) => {
        assert.ok(isCertdirError(error));
        assert.equal(error.code, `DIRECTORY_SCHEMA_${code}`);
        assert.ok(error.message.startsWith(`${file}:2`), error.message);
        return true;
      });
    }
  });

  it('must be there and must have files', async (t) => {
    const folder = temporaryFolder(t);
    await assert.rejects(Schema.load(join(folder, 'missing')), {
      code: 'DIRECTORY_SCHEMA_UNREADABLE',
    });
    await assert.rejects(Schema.load(folder), { code: 'DIRECTORY_SCHEMA_UNREADABLE' });
    mkdirSync(join(folder, 'folder.ldif'));
    await assert.rejects(Schema.load(folder), { code: 'DIRECTORY_SCHEMA_UNREADABLE' });
  });
});
