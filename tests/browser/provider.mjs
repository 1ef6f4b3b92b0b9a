// An OpenID Connect provider for tests: oidc-provider, which is certified, with the people of a demo.json
// and a sign-in page that asks for a person's id and no password. It listens on loopback only.
//
//   node provider.mjs --people DEMO.JSON [--host NAME] [--port N] [--secret TEXT] [--client ID]
//
// Prints one line of JSON when it listens: {"issuer", "client_id", "client_secret"}; and ends when its
// standard input does, so that it never outlives the test that started it. A client may come back to
// http://127.0.0.1:ANY/sign-in/callback and http://localhost:ANY/sign-in/callback. The client `ID-public`
// has no secret.
//
// An ID token says: `sub` (the person's id), `roles` (Lockbox's names), `groups` (the same as an issuer
// might call them: `lockbox-` and the role), `tenant` for people of a customer, `auth_time`, `acr`, `amr`.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';

// The library's notices must not come before the one line that is promised.
console.info = console.warn = (...words) => process.stderr.write(`${words.join(' ')}\n`);
const { default: Provider } = await import('oidc-provider');

const { values: options } = parseArgs({
  options: {
    people: { type: 'string' },
    // What it calls itself; `localhost` is another site than 127.0.0.1.
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: process.env.PROVIDER_PORT ?? '0' },
    client: { type: 'string', default: 'lockbox' },
    secret: { type: 'string', default: 'known-to-every-test' },
  },
});

const people = new Map(
  Object.values(JSON.parse(readFileSync(options.people, 'utf8')).people).map((person) => [person.id, person]),
);

const signingKey = () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256', use: 'sig' };
};

const server = createServer();
await new Promise((resolve) => server.listen(Number(options.port), '127.0.0.1', resolve));
const issuer = `http://${options.host}:${server.address().port}`;

const client = {
  // A native client's loopback addresses are the same on every port (RFC 8252 §7.3).
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1/sign-in/callback', 'http://localhost/sign-in/callback'],
  post_logout_redirect_uris: ['http://127.0.0.1/sign-in', 'http://localhost/sign-in'],
  grant_types: ['authorization_code'],
  response_types: ['code'],
  id_token_signed_response_alg: 'ES256',
};

const provider = new Provider(issuer, {
  clients: [
    {
      ...client,
      client_id: options.client,
      client_secret: options.secret,
      token_endpoint_auth_method: 'client_secret_basic',
    },
    { ...client, client_id: `${options.client}-public`, token_endpoint_auth_method: 'none' },
  ],
  jwks: { keys: [signingKey()] },
  cookies: { keys: [randomUUID()] },
  acrValues: ['urn:lockbox:test:two-factors'],
  claims: { openid: ['sub', 'roles', 'groups', 'tenant', 'auth_time', 'acr', 'amr'] },
  // Claims of a scope go into the ID token, as most issuers can be told to do.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  ttl: { AccessToken: 60, AuthorizationCode: 60, IdToken: 300, Interaction: 600, Session: 3600, Grant: 3600 },
  async findAccount(_context, id) {
    const person = people.get(id);
    if (!person) return undefined;
    const { roles, tenant } = person;
    const groups = roles.map((role) => `lockbox-${role}`);
    return { accountId: id, claims: async () => ({ sub: id, roles, groups, ...(tenant && { tenant }) }) };
  },
});

const page = (action, problem) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sign in at the test provider</title>
<main>
<h1>Test provider</h1>
${problem ? `<p role="alert">${problem}</p>` : ''}
<form method="post" action="${action}">
<label for="login">Person</label>
<input id="login" name="login" autocomplete="username" autofocus required>
<button type="submit">Sign in</button>
</form>
</main>
`;

const formOf = async (request) => {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 4096) throw new Error('the form is too long');
  }
  return new URLSearchParams(text);
};

const answer = (response, status, html) => {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  response.end(html);
};

const interact = async (request, response) => {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'consent') {
    // Nobody is asked: what a sign-in at work shares was decided by his employer.
    const grant = (grantId && (await provider.Grant.find(grantId))) ||
      new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    const consent = { grantId: await grant.save() };
    return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
  }
  if (request.method !== 'POST') return answer(response, 200, page(request.url, ''));
  const form = await formOf(request);
  if (form.has('cancel')) {
    return provider.interactionFinished(request, response, { error: 'access_denied' });
  }
  const accountId = form.get('login');
  if (!people.has(accountId)) return answer(response, 403, page(request.url, 'Nobody is known by this id.'));
  const login = { accountId, acr: 'urn:lockbox:test:two-factors', amr: ['pwd', 'otp'] };
  return provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
};

const everythingElse = provider.callback();
server.on('request', (request, response) => {
  if (!request.url.startsWith('/interaction/')) return everythingElse(request, response);
  interact(request, response).catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    answer(response, 400, '<!doctype html><title>This sign-in is over</title><p>Start again.');
  });
});

process.stdin.resume().on('end', () => process.exit(0));
const ready = { issuer, client_id: options.client, client_secret: options.secret };
process.stdout.write(`${JSON.stringify(ready)}\n`);
