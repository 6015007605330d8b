/**
 * Guide and Enhanced Guide (RFC 4517 §3.3.10, §3.3.14): suggested search criteria, checked, never
 * acted upon.
 *
 * @module
 */

import { isDescriptor, isNumericOid } from './schema-parser.ts';

const MAX_DEPTH = 32;
const subsets: ReadonlySet<string> = new Set(['baseobject', 'oneLevel', 'wholeSubtree']);
const matchType = /^(?:EQ|SUBSTR|GE|LE|APPROX)$/i;
const tokenShape = /[()|&!]|[^()|&!]+/g;

/** `[ object-class # ] criteria` */
export function isGuide(text: string): boolean {
  const hash = text.indexOf('#');
  return (
    (hash < 0 || isObjectClass(text.slice(0, hash))) &&
    isCriteria(text.slice(hash < 0 ? 0 : hash + 1))
  );
}

/** `object-class # criteria # subset` */
export function isEnhancedGuide(text: string): boolean {
  const parts = text.split('#');
  const [objectClass, criteria, subset] = parts;
  return (
    parts.length === 3 &&
    isObjectClass(objectClass ?? '') &&
    isCriteria((criteria ?? '').trim()) &&
    subsets.has((subset ?? '').trim())
  );
}

function isObjectClass(text: string): boolean {
  const name = text.trim();
  return isDescriptor(name) || isNumericOid(name);
}

/** Items joined by `|` and `&`, negated by `!`, grouped by parentheses. */
function isCriteria(text: string): boolean {
  let depth = 0;
  let expectsItem = true;
  for (const [token] of text.matchAll(tokenShape)) {
    if (token === '(' || token === '!') {
      depth += token === '(' ? 1 : 0;
      if (!expectsItem || depth > MAX_DEPTH) {
        return false;
      }
    } else if (token === ')') {
      depth -= 1;
      if (expectsItem || depth < 0) {
        return false;
      }
    } else if (token === '|' || token === '&') {
      if (expectsItem) {
        return false;
      }
      expectsItem = true;
    } else {
      if (!expectsItem || !isItem(token)) {
        return false;
      }
      expectsItem = false;
    }
  }
  return depth === 0 && !expectsItem;
}

function isItem(text: string): boolean {
  if (/^\?(?:true|false)$/i.test(text)) {
    return true;
  }
  const [attribute, type, ...rest] = text.split('$');
  return rest.length === 0 && isObjectClass(attribute ?? '') && matchType.test(type ?? '');
}
