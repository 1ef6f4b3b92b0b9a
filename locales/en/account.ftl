# account
# Signing in and out.

sign-in-oidc = Sign in with your organisation's account
sign-in-oidc-what = You prove who you are at your organisation's sign-in service, and come back here.
sign-in-oidc-again = Confirm that it is you
sign-in-oidc-again-what = Please prove once more who you are at your organisation's sign-in service. It has to be the same account as before.
sign-in-somebody-else = Sign in as somebody else
sign-in-leaving = You are being taken to your organisation's sign-in service.
sign-in-leave = Go to the sign-in service
sign-in-done = You are signed in.
sign-in-go-on = Go on
sign-in-back = Back to the sign-in
signed-out = You are signed out here.
sign-out-there = Sign out at the sign-in service too

oidc-not-ready = The sign-in service cannot be reached right now. Please try again in a minute; if it still does not work, tell your operator.
oidc-misconfigured = Sign-in does not work because of a setting of this Lockbox. Please tell your operator; the log says what is wrong.
oidc-too-late = That sign-in took too long. Please start again.
oidc-other-browser = This answer belongs to no sign-in that was begun in this browser, or to one that is already over. If you did not start to sign in here yourself, nothing has happened; otherwise please start again.
oidc-mixed-up = The answer did not come from your sign-in service, so it was not accepted. Please start again, and tell your operator if it happens again.
oidc-declined = The sign-in service did not sign you in ({ $code }). Please start again.
oidc-code = The answer of the sign-in service cannot be used, or was used already. Please start again.
oidc-exchange = The sign-in service did not finish the sign-in. Please try again in a minute; if it still does not work, tell your operator.
oidc-token = The sign-in service says nothing about you that could be accepted here. Please tell your operator: your account may lack a role, or the settings may not fit.
oidc-not-fresh = The sign-in service did not confirm that you have proved just now who you are. Sign out there and try again. If it happens again, tell your operator: the sign-in service has to send “auth_time”.
oidc-somebody-else = You came back as { $person }, but somebody else was working here. Nothing was changed, and what he or she had written was kept for him or her. Confirm with the same account as before, or sign in as somebody else.
oidc-busy = Too many people are signing in right now. Please reload this page in a minute.

method-oidc = by sign-in service
method-token = by token
method-jwt = by program
method-demo = in the demo

account = Your account
passkeys = Passkeys
passkeys-what = With a passkey you can confirm an approval: your device makes sure that it is you, by your finger, your face or a PIN, and signs exactly what you approve. An auditor can check that later.
passkeys-none = You have no passkey here yet.
passkeys-not-here = Passkeys cannot be used at this address. Your operator has to give this Lockbox an address with a name and https.
passkey-registered = Registered:
passkey-add = Add a passkey
passkey-remove = Remove
passkey-added = The passkey was added. You can approve with it from now on.
passkey-removed = The passkey was removed. What it confirmed before stays valid.
passkey-needs-script = Adding a passkey needs script, which is turned off in this browser. Everything else works without.
passkey-too-many = You have as many passkeys as there may be. Remove one first.
approve-with-passkey = Approve with passkey
passkey-not-done = The passkey did not confirm it, so nothing was sent. Please try again, or go on without it.
passkey-too-late = The passkey was asked too long ago, or its answer was used already. Nothing was changed; please try again.
passkey-other-form = What the passkey signed is not what the form says now, so nothing was approved. Please try again.
passkey-unknown = That passkey is not registered as yours, so nothing was approved.
passkey-not-verified = The passkey did not make sure that it was you, so its answer was refused. Please try again with finger, face or PIN.
passkey-copied = The counter of this passkey went back: somebody may have a copy of it. Nothing was changed. Remove it, and tell your administrator.
passkey-key = This kind of passkey cannot be used here. Please take another one.
passkey-wrong = The answer of the passkey is not valid, so nothing was changed. Please try again.
