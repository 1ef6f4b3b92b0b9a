# Settings of a tenant, and the outbox.

settings = Settings
settings-of = Settings of { $tenant }
settings-what = Each part is saved by itself. To change something you may be asked to sign in again.
settings-read-only = You can look at this. Only an administrator of your organisation can change it.
settings-all = All settings
save = Save
saved = Saved.
saved-now = This is saved now:
not-saved = Nothing was saved yet. Please look at what is marked below.
nobody = nobody
leave-as-it-is = Leave it as it is

switch = Customer Lockbox
switch-on = On
switch-off = Off
switch-is-on = The provider must have your approval before any of its engineers can touch your content.
switch-is-off = The provider does not ask you. An engineer gets access to your content when the provider's own review agrees.
switch-what-it-means = What this means
switch-turn-on = Turn on
switch-turn-off = Turn off
switch-if-off = If you turn it off
switch-off-1 = From that moment an engineer gets access without your approval. The provider's own review is enough.
switch-off-2 = You are still told of each access, and can end it.
switch-off-3 = Access that you have given goes on until its time is over. Requests that wait for your answer still need it.
switch-if-on = If you turn it on
switch-on-1 = From that moment nobody touches your content without your approval. You have { $duration } to answer a request; silence means no.
switch-on-2 = { $count ->
    [0] Access given by the provider's own review ends at once. There is none right now.
    [one] Access given by the provider's own review ends at once. Right now this is { $count }:
   *[other] Access given by the provider's own review ends at once. Right now these are { $count }:
}
switch-on-3 = Until an approver answers, the provider may not be able to help with a problem that needs your content.
switch-on-nobody = Nobody could approve: name enough approvers in the settings first, or every request will expire.
switch-not-entitled = It cannot be turned on: your plan does not include Customer Lockbox.
switch-not-entitled-next = It is part of the E5 plan; other Enterprise plans can buy it as an add-on. Ask your account manager at the provider. Once the provider has entered it here, you can turn it on.
switch-kept = You are signed in again. Nothing has been changed yet: press the button once more if you still want it.
switch-done-on = Customer Lockbox is on. From now on nobody touches your content without your approval.
switch-done-off = Customer Lockbox is off. From now on the provider does not ask you.

section-approvers = Who approves
section-notify = Who else is told
section-limits = Limits
section-language = Language and time of mails
section-webhooks = Programs that are told

setting-lockbox = Customer Lockbox
setting-entitlement = Entitlement
setting-entitlement-hint = What the customer has bought. Without it Customer Lockbox cannot be turned on.
setting-approvers = Approvers
setting-approvers-hint = One a line, in lower case, such as csilla@contoso.example. Each of them gets a mail about every request. They also need the role of an approver in your directory.
setting-quorum = How many have to agree
setting-quorum-hint = Of the approvers above. One refusal always ends a request.
setting-fallback_approvers = Fallback approvers
setting-fallback_approvers-hint = They may answer when the approvers have let most of the time go by, and are told then. One a line; may be empty.
setting-notify = Notification addresses
setting-notify-hint = They get the same mails but cannot answer. One a line; may be empty.
setting-respond_within = Time to answer
setting-respond_within-hint = When it is over, the request expires and no access is given.
setting-grant_longest = Longest access
setting-grant_longest-hint = Nobody can ask for more, and no approval gives more.
setting-language = Language of mails
setting-language-hint = Also of the pages, for people who have chosen none.
setting-time_zone = Time zone
setting-time_zone-hint = The zone that mails write times in, such as Europe/Budapest. This page writes them in { $zone }.
setting-webhooks = Webhooks
setting-webhooks-hint = One a line: a name and the address that is called, such as: pager https://pager.contoso.example/lockbox
setting-attributes = Further facts
setting-changed = { $setting }: { $was } → { $is }
setting-set = { $setting }: { $value }
setting-added = { $setting }: added { $value }
setting-removed = { $setting }: removed { $value }

limit-providers = The provider's limit: { $duration }
limit-as-provider = as the provider's
quorum-of = { $quorum } of { $approvers }
history-cut = Older changes are not shown here. Auditors find them through the API.

entitlement-e5 = E5 plan
entitlement-add_on = bought as an add-on
entitlement-none = none
entitlement-in-use = Customer Lockbox is on for this customer, so the entitlement cannot be taken away. The customer's administrator has to turn it off first.

wrong-person = “{ $text }” is nobody's address: it is written in lower case, without spaces, such as csilla@contoso.example.
wrong-quorum = “{ $text }” is no number from 1 on.
wrong-limit = “{ $text }” is no duration. Choose one from the list.
wrong-language = “{ $text }” is no language of this page.
wrong-zone = “{ $text }” is no time zone. A name is written as Europe/Budapest.
wrong-webhook = “{ $text }” is no webhook: first a name in lower case, then a space, then an address that begins with https://
wrong-webhook-twice = There are two webhooks of this name: “{ $text }”.

tenants = Customers
tenants-none = No customer has been entered yet.
tenants-more = More customers
nobody-can-approve-short = too few approvers
nobody-can-approve-provider = Too few people can approve for this customer: every request will expire without an answer.

outbox = Messages
outbox-unsent = No mail server is set up here, so nothing is sent. Open a message to read it.
outbox-all = All
outbox-dead = Given up
outbox-none = No message has been written yet.
outbox-none-dead = No message was given up.
outbox-to = To
outbox-written = written
outbox-webhook = webhook { $name }
outbox-older = Older messages
outbox-again = Send again
outbox-now = Try at once
outbox-again-done = Message { $number } goes out again.
outbox-state-waiting = waiting
outbox-state-sent = sent
outbox-state-moot = no longer needed
outbox-state-dead = given up
outbox-due = { $attempts ->
   *[other] goes out
}
outbox-due-again = { $attempts ->
    [one] tried once; next attempt
   *[other] tried { $attempts } times; next attempt
}
outbox-sent = { $attempts ->
   *[other] handed over
}
outbox-moot = { $attempts ->
   *[other] since
}
outbox-given-up = { $attempts ->
    [one] after one attempt,
   *[other] after { $attempts } attempts,
}
outbox-kind-pending = A request waits for an answer
outbox-kind-reminder = Reminder: a request waits for an answer
outbox-kind-last_reminder = Last reminder: a request waits for an answer
outbox-kind-escalated = A request waits for the fallback approvers
outbox-kind-approved = Approved
outbox-kind-denied = Rejected by the customer
outbox-kind-no_longer_needed = No answer is needed any more
outbox-kind-first_use = Content was touched for the first time
outbox-kind-rejected = Rejected by the provider's review
outbox-kind-expired = Expired without an answer
outbox-kind-withdrawn = Withdrawn
outbox-kind-ended = Access has ended
outbox-kind-nobody_can_approve = Alarm: too few people can approve
notice-title = Message { $number }
notice-what = What about
notice-no-message = The text of this message cannot be shown here.
notice-back = All messages
