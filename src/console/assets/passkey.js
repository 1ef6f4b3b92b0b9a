// Passkeys: asks the server what to sign, has it signed, and sends the form with it. What counts is judged
// by the server; without this script approving works as ever.
(() => {
  "use strict";
  if (!window.PublicKeyCredential) return;
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const named = (ids) => ids.map((id) => ({ type: "public-key", id: bytes(id) }));
  const ways = {
    async create(asked) {
      const { response } = await navigator.credentials.create({
        publicKey: {
          challenge: bytes(asked.challenge),
          rp: { id: asked.rp_id, name: asked.rp_name },
          user: { id: bytes(asked.user_id), name: asked.person, displayName: asked.person },
          pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
          excludeCredentials: named(asked.credentials),
          authenticatorSelection: { userVerification: "required" },
          attestation: "none",
          timeout: 120000,
        },
      });
      return {
        passkey_client_data: text(response.clientDataJSON),
        passkey_authenticator_data: text(response.getAuthenticatorData()),
      };
    },
    async get(asked) {
      const { id, response } = await navigator.credentials.get({
        publicKey: {
          challenge: bytes(asked.challenge),
          rpId: asked.rp_id,
          allowCredentials: named(asked.credentials),
          userVerification: "required",
          timeout: 120000,
        },
      });
      return {
        passkey_id: id,
        passkey_client_data: text(response.clientDataJSON),
        passkey_authenticator_data: text(response.authenticatorData),
        passkey_signature: text(response.signature),
      };
    },
  };
  for (const note of document.querySelectorAll("[data-needs-script]")) note.hidden = true;
  for (const button of document.querySelectorAll("button[data-passkey]")) {
    const form = button.form;
    const problem = form.querySelector("[data-passkey-problem]");
    button.hidden = false;
    addEventListener("pageshow", () => (button.disabled = false));
    button.addEventListener("click", async () => {
      button.disabled = true;
      problem.hidden = true;
      let said = problem.dataset.passkeyProblem;
      try {
        const answer = await fetch(button.dataset.passkeyAsk, { method: "POST", body: new URLSearchParams(new FormData(form)) });
        if (answer.redirected) {
          // Signing in again comes first; what was written is kept.
          location.assign(answer.url);
          return;
        }
        const asked = await answer.json();
        said = asked.problem ?? said;
        const fields = await ways[button.dataset.passkey](asked);
        for (const [name, value] of Object.entries(fields)) form.elements[name].value = value;
        form.submit();
      } catch {
        problem.textContent = said;
        problem.hidden = false;
        button.disabled = false;
      }
    });
  }
})();
