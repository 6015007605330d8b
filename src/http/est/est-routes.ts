/**
 * Enrolment over Secure Transport (RFC 7030, with RFC 8951) beside the API, on the same listener:
 * `/.well-known/est/<label>/cacerts|csrattrs|simpleenroll|simplereenroll`. The label is the CA's id, or its id, a dot and
 * one of its profiles (`mic-ops.server`); with one CA it may be left out.
 *
 * Not here: server-side keys and full CMC (RFC 7030 §4.3, §4.4), which answer 404.
 *
 * @module
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { OperatorIdentity } from '../../ca/accounts/operator-identity.ts';
import type { ApiAuthority } from '../api/api-authority.ts';
import type { ApiParts } from '../api/api-server.ts';
import { connectionOf, proveByPassword } from '../api/authentication.ts';
import { assertWithin } from '../api/call-handling.ts';
import { problemOf, TryLater } from '../api/problem.ts';
import { HttpError } from '../errors.ts';
import { type Enrolment, type EstPlace, enrol, reenrol } from './est-enrolment.ts';
import {
  decodeEstBody,
  encodeCertsOnly,
  encodeCsrAttributes,
  encodeEstBody,
} from './est-messages.ts';

/** People decide about requests in hours; a client that asks more often wins nothing. */
const RETRY_SECONDS = 300;
const DEFAULT_PROFILE = 'end-entity';
const MAX_REQUEST_CHARACTERS = 48 * 1024;

interface EstCall {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly ca: ApiAuthority;
  readonly place: EstPlace;
}

type Handler = (call: EstCall) => Promise<FastifyReply>;

/** Adds EST to the API's server. */
export async function addEst(server: FastifyInstance, parts: ApiParts): Promise<void> {
  await server.register((est, _options, done) => {
    est.addContentTypeParser(
      'application/pkcs10',
      { parseAs: 'string', bodyLimit: MAX_REQUEST_CHARACTERS },
      (_request, body, done) => done(null, body),
    );
    est.setErrorHandler((error, _request, reply) => sendFailure(error, reply, parts));
    const route = (method: 'GET' | 'POST', name: string, handler: Handler): void => {
      for (const path of [`/.well-known/est/${name}`, `/.well-known/est/:label/${name}`]) {
        est.route<{ Params: { label?: string } }>({
          ...{ method, url: path, exposeHeadRoute: false },
          handler: (request, reply) =>
            handler({ request, reply, ...placeOf(parts, request.params.label) }),
        });
      }
    };
    route('GET', 'cacerts', sendCertificates);
    route('GET', 'csrattrs', sendAttributes);
    route('POST', 'simpleenroll', async (call) => {
      const operator = await operatorOf(parts, call);
      const origin = originOf(call, operator.dn);
      return sendEnrolment(call, await enrol(call.place, bodyOf(call), { operator, origin }));
    });
    route('POST', 'simplereenroll', async (call) => {
      const { clientCertificate: shown } = connectionOf(call.request.raw.socket);
      if (shown === undefined) {
        throw new HttpError(
          'HTTP_UNAUTHENTICATED',
          'simplereenroll needs the certificate that is renewed as TLS client certificate',
        );
      }
      const { actor: _nobody, ...origin } = originOf(call, '');
      return sendEnrolment(call, await reenrol(call.place, bodyOf(call), { shown, origin }));
    });
    done();
  });
}

/** @throws {HttpError} `HTTP_NOT_FOUND`. */
function placeOf(
  { authorities }: ApiParts,
  label: string | undefined,
): { readonly ca: ApiAuthority; readonly place: EstPlace } {
  const [only, ...others] = authorities;
  const [id, profile = DEFAULT_PROFILE] = label?.split('.', 2) ?? [];
  const ca =
    label === undefined && others.length === 0 ? only : authorities.find((one) => one.id === id);
  const definition = ca?.est.policy.profiles[profile];
  const isForOthers = definition?.kind === 'subscriber' || definition?.kind === 'service';
  if (ca === undefined || (label?.includes('.') === true && !isForOthers)) {
    throw new HttpError('HTTP_NOT_FOUND', 'no CA or profile has this EST label');
  }
  return { ca, place: { ca: ca.est, profile } };
}

async function sendCertificates({ ca, reply }: EstCall): Promise<FastifyReply> {
  const certificates = await ca.est.certificates();
  return sendDer(reply, 'application/pkcs7-mime', encodeCertsOnly(certificates));
}

async function sendAttributes({ ca, reply }: EstCall): Promise<FastifyReply> {
  const attributes = encodeCsrAttributes(ca.est.policy.keys.subject.types);
  return attributes === undefined
    ? reply.status(204).send()
    : sendDer(reply, 'application/csrattrs', attributes);
}

function sendEnrolment({ reply }: EstCall, enrolment: Enrolment): FastifyReply {
  switch (enrolment.kind) {
    case 'issued':
      return sendDer(
        reply,
        'application/pkcs7-mime; smime-type=certs-only',
        encodeCertsOnly([enrolment.certificate]),
      );
    case 'pending':
      return reply
        .status(202)
        .header('retry-after', String(RETRY_SECONDS))
        .type('text/plain')
        .send(`the request ${enrolment.requestId} waits to be decided on\n`);
    case 'refused':
      throw new HttpError('HTTP_FORBIDDEN', enrolment.why);
  }
}

function sendDer(reply: FastifyReply, type: string, der: Uint8Array): FastifyReply {
  return reply.type(type).send(encodeEstBody(der));
}

/** @throws {HttpError} `HTTP_BODY_MALFORMED`. */
function bodyOf({ request }: EstCall): Uint8Array {
  const der = typeof request.body === 'string' ? decodeEstBody(request.body) : undefined;
  if (der === undefined) {
    throw new HttpError(
      'HTTP_BODY_MALFORMED',
      'the body is a PKCS#10 as base64, its type application/pkcs10',
    );
  }
  return der;
}

/**
 * Whoever shows a client certificate of an operator's, or a name and password (RFC 7030 §3.2.3).
 *
 * @throws {HttpError} `HTTP_UNAUTHENTICATED`. @throws {TryLater} `HTTP_TOO_MANY_REQUESTS`.
 */
async function operatorOf(
  { authentication, budgets }: ApiParts,
  { request, ca }: EstCall,
): Promise<OperatorIdentity> {
  const { socket } = request.raw;
  const { authorization } = request.headers;
  const basic = authorization === undefined ? undefined : credentialsIn(authorization);
  const found =
    authorization === undefined
      ? await authentication.identify(ca, { socket, authorization })
      : basic && (await proveByPassword(ca, basic, connectionOf(socket)));
  if (found === undefined) {
    throw new HttpError(
      'HTTP_UNAUTHENTICATED',
      'enrolment is for operators: show a client certificate, or a name and password',
    );
  }
  assertWithin(budgets.operator.take(`${ca.id} ${found.identity.id}`));
  return found.identity;
}

/** RFC 7617. */
function credentialsIn(
  authorization: string,
): { readonly name: string; readonly password: string } | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]{1,4000}={0,2})$/i.exec(authorization) ?? [];
  const text = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 1 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

function originOf(
  { request }: EstCall,
  actor: string,
): { readonly channel: string; readonly actor: string; readonly address: string } {
  return { channel: 'est', actor, address: request.raw.socket.remoteAddress ?? '' };
}

/** A line for people (RFC 7030 §4.2.3); the status says the rest. */
function sendFailure(error: unknown, reply: FastifyReply, { failureKinds, log }: ApiParts): void {
  const { status, detail, errors } = problemOf(error, failureKinds);
  if (status >= 500) {
    log.error('EST request failed', { error: error instanceof Error ? (error.stack ?? '') : '' });
  }
  if (status === 401) {
    reply.header('www-authenticate', 'Basic realm="certdir", charset="UTF-8"');
  }
  if (error instanceof TryLater) {
    reply.header('retry-after', String(error.afterSeconds));
  }
  const lines = errors?.map(({ pointer, detail: fault }) => `${pointer}: ${fault}`) ?? [detail];
  void reply
    .status(status === 422 ? 400 : status)
    .type('text/plain')
    .send(`${lines.join('\n')}\n`);
}
