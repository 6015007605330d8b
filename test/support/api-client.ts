/**
 * A client of the API for tests: questions as they are written, answers as they come.
 *
 * @module
 */

import { Agent, request } from 'node:https';

/** Something that proves who one is. */
export interface ClientCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  /** Of a JSON answer; undefined for any other. */
  readonly body: unknown;
}

export interface ApiQuestion {
  readonly method?: string;
  /** Below the CA's path, or from the root with two slashes in front. */
  readonly path: string;
  readonly body?: unknown;
  /** As it is, instead of JSON. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly client?: ClientCertificate;
}

export class ApiClient {
  /** `https://…` of the server. */
  readonly url: string;
  /** The CA's id. */
  readonly id: string;
  readonly #trusted: string;
  readonly #agents = new Map<string, Agent>();

  /** @param trusted The server's certificate, PEM. */
  constructor(at: { readonly url: string; readonly id: string; readonly trusted: string }) {
    this.url = at.url;
    this.id = at.id;
    this.#trusted = at.trusted;
  }

  /** A session. @returns its token. */
  async login(name: string, password: string): Promise<string> {
    const answer = await this.ask({ method: 'POST', path: '/sessions', body: { name, password } });
    if (answer.status !== 201) {
      throw new Error(`no session: ${answer.text}`);
    }
    return (answer.body as { readonly token: string }).token;
  }

  ask(question: ApiQuestion): Promise<ApiAnswer> {
    const { method = 'GET', path, body, raw, token, client } = question;
    const text = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const whole = path.startsWith('//') ? path.slice(1) : `/api/v1/${this.id}${path}`;
    const headers = {
      ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...question.headers,
    };
    return new Promise((resolve, reject) => {
      const options = { method, agent: this.#agent(client), headers };
      const asked = request(`${this.url}${whole}`, options, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('end', () => {
          const answered = Buffer.concat(pieces).toString('utf8');
          const isJson = /json/.test(response.headers['content-type'] ?? '');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: answered,
            body: isJson && answered !== '' ? JSON.parse(answered) : undefined,
          });
        });
        response.on('error', reject);
      });
      asked.on('error', reject);
      asked.end(text);
    });
  }

  /** Closes connections; the next question opens another. */
  forgetConnections(): void {
    for (const agent of this.#agents.values()) {
      agent.destroy();
    }
    this.#agents.clear();
  }

  #agent(client: ClientCertificate | undefined): Agent {
    const name = client?.certificatePem ?? '';
    const known = this.#agents.get(name);
    if (known !== undefined) {
      return known;
    }
    const agent = new Agent({
      keepAlive: true,
      maxSockets: 4,
      ca: this.#trusted,
      ...(client === undefined ? {} : { cert: client.certificatePem, key: client.keyPem }),
    });
    this.#agents.set(name, agent);
    return agent;
  }
}
