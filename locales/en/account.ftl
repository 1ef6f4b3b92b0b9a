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
