/**
 * What a peer may use of this server. Every bound has a default that suits a public directory on
 * one machine, and each holds before the memory or time it bounds is taken.
 *
 * Not here: entries and time of one search, which the directory bounds for every front end.
 *
 * @module
 */

import { defaultFilterLimits } from '../directory/filters/filter.ts';

export interface LdapLimits {
  /** One request's bytes before a successful bind. */
  readonly anonymousPduBytes: number;
  /** One request's bytes after one. */
  readonly boundPduBytes: number;
  readonly connections: number;
  /** For IPv6, of one /64. */
  readonly connectionsPerAddress: number;
  /** Requests of one connection that are read and not answered yet; reading stops there. */
  readonly pendingOperations: number;
  /** Bytes of those requests; one request may always be pending, whatever its size. */
  readonly pendingBytes: number;
  /** Requests of all connections that are read and not answered; further ones are answered `busy`. */
  readonly totalPendingOperations: number;
  /**
   * Bytes of those requests, and of requests that have begun to arrive. Beyond it requests are answered
   * `busy`, and connections in the middle of a large one are ended.
   */
  readonly totalPendingBytes: number;
  /** How many of the pending requests are worked on at a time. */
  readonly runningOperations: number;
  /** Unsent bytes of one connection at which no more is read or produced for it. */
  readonly outputBytes: number;
  /**
   * Unsent bytes of all connections at which searches are answered with `busy`; large values, which are in
   * memory once for all who read them, do not count.
   */
  readonly totalOutputBytes: number;
  /** Bytes of answers that are kept to be given again; no answer above a quarter of it is. */
  readonly answerCacheBytes: number;
  /** Without a request. */
  readonly idleMs: number;
  /** From a request's first byte until its length is known: the first few bytes. */
  readonly headerMs: number;
  /** From a request's first byte to its last. */
  readonly requestMs: number;
  /** Without the peer taking a part of what waits for it. */
  readonly writeStallMs: number;
  readonly tlsHandshakeMs: number;
  /** From our last byte until the peer has closed its side. */
  readonly lingerMs: number;
  /** From the moment the server is closed until connections that still work are cut. */
  readonly closeMs: number;
  /** Filters within filters, the outermost included. */
  readonly filterDepth: number;
  /** Items and sets of one filter; each part of a substring counts too. */
  readonly filterNodes: number;
  /** Attribute descriptions in the selection of a search. */
  readonly selectedAttributes: number;
  /** Attributes of an add, or changes of a modify. */
  readonly attributes: number;
  /** Values in one add or modify. */
  readonly values: number;
  readonly controls: number;
}

export const defaultLdapLimits: LdapLimits = {
  anonymousPduBytes: 256 * 1024,
  boundPduBytes: 16 * 1024 * 1024,
  connections: 10_000,
  connectionsPerAddress: 1_000,
  pendingOperations: 64,
  pendingBytes: 1024 * 1024,
  totalPendingOperations: 20_000,
  totalPendingBytes: 256 * 1024 * 1024,
  runningOperations: 8,
  outputBytes: 256 * 1024,
  totalOutputBytes: 512 * 1024 * 1024,
  answerCacheBytes: 128 * 1024 * 1024,
  idleMs: 900_000,
  headerMs: 10_000,
  requestMs: 60_000,
  writeStallMs: 60_000,
  tlsHandshakeMs: 30_000,
  lingerMs: 2_000,
  closeMs: 10_000,
  filterDepth: defaultFilterLimits.maxDepth,
  filterNodes: defaultFilterLimits.maxNodes,
  selectedAttributes: 1_024,
  attributes: 16_384,
  values: 65_536,
  controls: 32,
};
