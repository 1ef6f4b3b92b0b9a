# The pages.

skip = Skip to the content
nav = Where to go
nav-pending = Waiting for you
nav-review = To review
nav-own = My requests
nav-requests = All requests
nav-settings = Settings
nav-tenants = Customers
nav-outbox = Messages
nav-fleet = Sidecars
demo = Demo
zone-note = Times are in the zone { $zone }.
to-start = To the start page
to-settings = Look at the settings
left = { $duration } left
time-over = time is over
read-all = Read it all
written = What you had written
signed-in-as = You are signed in as { $person }.
proof-from = from { $address }
more-contents = { $count ->
    [one] and { $count } more
   *[other] and { $count } more
}
for-duration = for { $duration }

sign-in = Sign in
sign-out = Sign out
sign-in-what = Sign in to see the requests for access to your organisation's content, and to answer them.
sign-in-again = Please sign in again. What you had written is kept.
sign-in-failed = That token is not known, or does not belong to a person. Check that it was copied whole.
sign-in-demo = The people of this demo
sign-in-token = Sign in with a token
token = Token
token-hint = The token that your operator gave you. It begins with lbx_.

role-engineer = support engineer
role-reviewer = reviewer
role-approver = approver
role-tenant_admin = administrator
role-auditor = auditor
role-operator = operator

pending = Waiting for your answer
pending-none = Nothing waits for you. When an engineer asks for access to your content, the request appears here and you get a mail.
nobody-can-approve = Too few people can approve: every request will expire without an answer.
lockbox-is-off = Customer Lockbox is off: access is given without asking you.
answer-by = Answer by
access-until = Access until
pending-more = More are waiting
active-more = Further accesses
look-and-answer = Look and answer
active-now = Access given right now
active-none = Nobody of the provider has access to your content.

requests = All requests
requests-none = There has been no request yet.
requests-none-found = No request fits. Take a filter away, or look for something else.
filter = Show
filter-clear = Show all
filter-any = any
filter-text = Search: number, engineer, service request or reason
filter-more = More filters
filter-state = State
filter-workload = Service
filter-engineer = Engineer
filter-tenant = Customer
filter-since = Submitted since
filter-wrong = One of the filters cannot be read: an engineer is written as ana@provider.example, a date as 2026-11-22.
older = Older requests
column-id = Request
column-state = State
column-tenant = Customer
column-workload = Service
column-engineer = Engineer
column-service-request = Service request
column-submitted = Submitted
column-when = When
column-action = Action
column-content = Content
column-outcome = Outcome

request-title = Lockbox request { $id }
asked = What is asked for
asked-then = What was asked for
to-answer = To your answer
who = Who
what-for = What for
what-for-is = { $reason } ({ $service_request })
where = Where
which-content = Content
which-actions = Actions
how-long = For how long
submitted = Submitted
reviewed = Reviewed by the provider
unknown = What is not known yet
unknown-content = All of it: no content is named, so the engineer would reach everything in this service.
unknown-items = Which items inside it will be opened. You see each of them here as it happens.
unknown-start = When the engineer begins: the time runs from your approval.
given = What was given
window = From – until
approved-by = Approved by
approved-internally = the provider's own review; Customer Lockbox was off
ended = Ended
ended-closed = the engineer was finished
ended-revoked = you ended it
ended-window = the time was over

answer = Your answer
would-allow = If you approve, { $engineer } may do this from that moment: { $actions } – { $contents } – for { $duration }, and not longer.
quorum-is = { $quorum } approvers have to agree; { $agreed ->
    [0] nobody has yet
   *[other] { $agreed } have so far
}. One refusal is enough to end it.
narrow = Give less than was asked (shorter, fewer actions, only some content)
narrow-hint = What you choose here is what will be given.
look = Show what this would allow
only-content = Only this content
only-content-hint = One entry a line, such as { $example }. Empty means everything that was asked for.
content-example = mailbox/adele@contoso.example
content-example-exchange = mailbox/adele@contoso.example
content-example-sharepoint = site/finance
content-example-onedrive = drive/adele@contoso.example
comment = Comment
comment-hint = Both sides see it. You need not write one.
recorded-as = Your answer is recorded under { $person }.
approve = Approve
reject = Reject
agreed-already = You have agreed. Others still have to.
revoke-title = End this access
revoke-what = The engineer loses access at once, everywhere. This cannot be undone; a new request would be needed.
revoke = End access now
done-approved = Approved. { $engineer } may do this: { $actions } – { $contents } – until { $until }.
done-agreed = You have agreed. Access is given when enough approvers have.
done-denied = Rejected. No access was given.
done-revoked = Ended. Nobody can use this access any more.
draft-kept = You are signed in again. What you had written is still here; please look at it and send it once more.
accesses = What was touched
accesses-none = Nothing has been touched under this approval.
accesses-failed = The record cannot be read right now. Nothing is lost; please try again.
accesses-count = { $count ->
    [one] { $count } access over the time of the approval
   *[other] { $count } accesses over the time of the approval
}
allowed = allowed
denied = refused
history = History

event-submitted = access asked for
event-review_approved = let through by the provider's review
event-review_rejected = rejected by the provider's review
event-consented = one approver agreed
event-approved = approved
event-first_used = content touched for the first time
event-denied = rejected
event-expired = expired without an answer
event-withdrawn = withdrawn by the engineer
event-closed = finished by the engineer
event-revoked = ended by the customer
event-ended = time was over
event-tenant_changed = settings changed
event-engineer_changed = engineer's entry changed
event-engineer_removed = engineer removed
event-policies_pushed = policies pushed

field-comment = comment
field-reason-text = reason
field-actions = actions
field-content = content

wrong-duration = That is no duration. Choose one from the list.
wrong-content = One of the entries is no content. Content is written as mailbox/adele@contoso.example.
wrong-no-action = Choose at least one action, or reject the request.
wrong-no-content = Choose at least one piece of content, or reject the request.

refused-step = Too late: the request is now “{ $state }”. Nothing was changed by you.
refused-decided-by = { $person } answered on { $at }.
refused-stale = Somebody changed this after you had opened it. Look at what it says now; what you wrote is still here.
refused-already-approved = You have agreed already. Somebody else has to.
refused-wider = That is more than was asked for. You can give less, never more.
refused-duration = The time must be between one second and { $longest }.
refused-size = “{ $field }” is too long or empty; at most { $max } are allowed.
refused-not-entitled = Your plan does not include Customer Lockbox. It is part of E5, or can be bought as an add-on.
refused-limit = Your own limits can only be tighter than the provider's.
refused-quorum = There must be at least as many approvers as have to agree; you have { $approvers }.
refused-webhook = The address of the webhook “{ $name }” cannot be used. It begins with https://, names a host in lower case and a path (at least “/”), and has no user name, no password and no “#”.
refused-too-many = That is too many: 100 people and 10 webhooks at most.
refused-not-in-schema = “{ $name }” is not known here.
refused-time-zone = There is no time zone “{ $name }”. A name is written as Europe/Budapest.

trouble-sign-in = Please sign in
trouble-sign-in-what = This page is for people who are signed in.
trouble-sign-in-next = Sign in and open it again.
trouble-not-found = There is nothing here
trouble-not-found-what = There is no such page or request, or it is not yours to see.
trouble-not-found-next = Check the number in your mail, or look at the list.
trouble-forbidden = This is not for you to do
trouble-forbidden-what = You may look at this, but somebody else has to do it: an approver named in the settings who neither asked nor reviewed.
trouble-forbidden-next = If it should be you, ask your administrator to look at the settings.
trouble-foreign = This did not come from our page
trouble-foreign-what = Something outside this page tried to send a form in your name. It was not accepted and nothing was changed.
trouble-foreign-next = If you did nothing unusual, tell your administrator.
trouble-form = The form is no longer valid
trouble-form-what = It was opened before you signed in, or too long ago. Nothing was changed.
trouble-form-next = Go back, reload the page and send it again.
trouble-too-large = That is too much
trouble-too-large-what = What you sent is too long. Nothing was changed.
trouble-too-large-next = Go back and shorten the comment.
trouble-refused = That is not possible
trouble-refused-next = Nothing was changed.
trouble-unavailable = Not available right now
trouble-unavailable-what = The record does not answer. Nothing was changed, and nobody has access who had none.
trouble-unavailable-next = Please try again in a minute.
trouble-unknown = It is not known whether that was done
trouble-unknown-what = The record was lost while it was being changed: the change was made, or it was not.
trouble-unknown-next = Look at the request or the settings before you do it again.
trouble-defect = Something went wrong
trouble-defect-what = It was recorded. Nothing was allowed or changed by this.
trouble-defect-next = Please try again; if it happens again, tell your operator.
