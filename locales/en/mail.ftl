# Mails. A subject begins with the number of the request and holds nothing that a requester wrote.

mail-subject = { $about }: { $headline }
mail-subject-by = { $about }: { $headline } – answer by { $until }

mail-pending = Access to your content is asked for
mail-reminder = A request still waits for you
mail-last-reminder = Last reminder: a request waits for you
mail-escalated = You are asked in place of the approvers
mail-approved = Access was given
mail-approved-engineer = You have access
mail-denied = The request was rejected
mail-denied-engineer = Your request was rejected by the customer
mail-no-longer-needed = Your answer is no longer needed
mail-rejected = Your request did not pass the review
mail-expired = The request expired without an answer
mail-expired-engineer = Your request expired without an answer
mail-withdrawn = The request was withdrawn
mail-first-use = Content was opened for the first time
mail-ended = The access has ended
mail-ended-engineer = Your access has ended
mail-nobody = Too few people can approve

mail-pending-intro = A support engineer ({ $engineer }) asks for access to content of your organisation in { $workload }. Unless you approve, nobody gets access.
mail-reminder-intro = A support engineer ({ $engineer }) asked for access to content of your organisation in { $workload }, and nobody has decided yet.
mail-escalated-intro = A support engineer ({ $engineer }) asked for access to content of your organisation in { $workload }. The approvers have not decided, or are too few. As a fallback approver you may answer from now on.
mail-answer-by = Answer by { $until }: { $left } from when this mail was written. No answer means no.
mail-would-allow = If you approve, { $engineer } may do this from that moment: { $actions } – { $contents } – for { $duration }, and not longer.
mail-meanwhile = Meanwhile things have moved on. The request is now: { $state }. You need not answer it.
mail-contents-many = { $count ->
    [one] { $count } piece of content, named in this mail
   *[other] { $count } pieces of content, named in this mail
}

mail-asked = What is asked for
mail-request = What was asked for
mail-see-page = There is news of a request
mail-decision = The decision
mail-decided-by = By
mail-who = Who
mail-customer = Customer
mail-why = Why
mail-why-is = { $reason } ({ $service_request })
mail-service-request = Service request
mail-in-own-words = In the engineer's own words
mail-where = Where
mail-actions = Actions
mail-content = Content
mail-how-long = For how long
mail-submitted = Asked on
mail-reviewed = Reviewed by the provider
mail-reviewer-says = The reviewer's comment
mail-comment = Comment
mail-by-at = { $by }, { $at }
mail-quorum = Approvals needed
mail-quorum-is = { $quorum }, so far { $agreed }; one rejection is enough to end it

mail-unknown = What is not known yet
mail-unknown-content = No content is named: if you approve, the engineer reaches everything in { $workload }.
mail-unknown-items = Which items inside the named content will be opened. The page shows each of them as it happens.
mail-unknown-start = When the engineer begins. The time runs from the approval.

mail-how = How to answer
mail-how-steps = Open { $page } in your browser, sign in, and choose request { $id }. There you can approve it, give less than was asked for, or reject it.
mail-how-no-link = This mail has no link to sign in or to approve, on purpose. A mail that asks you to approve with a click is not from us.
mail-how-others = You are told for your information: only the approvers named in the settings can answer.
mail-look = More is on the page: open { $page } in your browser, sign in, and choose request { $id }.

mail-approved-by = { $by } approved the request on { $at }.
mail-approved-off = Customer Lockbox is off for your organisation: the provider's own review was enough, and nobody of yours was asked.
mail-approved-off-engineer = Customer Lockbox is off for this customer: the internal review was enough.
mail-may = { $engineer } may do this until { $until }, and not longer: { $actions } – { $contents }.
mail-you-may = You may do this until { $until }, and not longer: { $actions } – { $contents }.
mail-less = That is less than was asked for.
mail-over-already = This access is over already: it ended on { $at }.
mail-given = What was given
mail-given-you = What you may do
mail-window = From – until
mail-window-is = { $span }, { $duration }
mail-can-end = Any approver can end the access at any time, on the page. You are told when content is opened for the first time, and when the access ends.
mail-close = Close the request as soon as you are finished: your access ends at once, and the customer gets a receipt of what was touched.

mail-denied-by = { $by } rejected the request on { $at }. Nobody got access.
mail-denied-next = If you still need access, settle it with the customer first, then ask anew.
mail-no-longer-approved = { $by } approved the request on { $at }. You need not do anything.
mail-no-longer-denied = { $by } rejected the request on { $at }, and nobody got access. You need not do anything.
mail-no-longer-else = The request is now: { $state }. You need not do anything.
mail-rejected-by = { $by } rejected the request on { $at }. The customer has not been told of it.
mail-rejected-next = If you still need access, ask anew and mind the reviewer's comment.
mail-expired-at = Nobody answered by { $at }. Nobody got access.
mail-expired-next = If the access is still wanted, the engineer has to ask anew.
mail-expired-next-engineer = If you still need access, tell the customer that you will ask, then ask anew.
mail-withdrawn-at = { $engineer } took the request back on { $at }. Nobody got access, and you need not do anything.

mail-first-use-intro = { $engineer } opened content under this access for the first time.
mail-first-touch = What was opened first
mail-may-go-on = The access lasts until { $until }. Any approver can end it at any time, on the page.
mail-ended-closed = { $by } was finished and closed the request on { $at }.
mail-ended-revoked = { $by } ended the access on { $at }.
mail-ended-switched = { $by } ended the access on { $at }, directly or by turning Customer Lockbox on.
mail-ended-window = The time was over on { $at }.
mail-ended-nobody = Nobody can use this access any more.
mail-ended-you = You can no longer use this access. If you still need it, ask anew.

mail-receipt = Receipt: what was touched
mail-receipt-none = Nothing was touched.
mail-receipt-later = The record could not be read when this mail was written. Nothing is lost; look at the page for what was touched.
mail-receipt-lasted = Access was open
mail-receipt-allowed = Accesses
mail-receipt-refused = Refused attempts
mail-receipt-at-least = at least { $count }
mail-receipt-more = There is more than is listed here; the page has all of it.
mail-touch = { $action } – { $content } – { $when }
mail-touch-times = { $action } – { $content } – { $when }, { $count ->
    [one] { $count } time
   *[other] { $count } times
}
mail-span = { $from } – { $until }

mail-nobody-intro = Customer Lockbox is on for { $tenant }, but too few people can approve. Every request will expire without an answer, and no engineer can help you with anything that needs your content.
mail-nobody-named = People who may approve
mail-nobody-needed = Approvals needed
mail-nobody-waits = Waiting already
mail-nobody-waits-is = request { $id }, until { $until }
mail-nobody-facts = How it stands
mail-nobody-how = What to do
mail-nobody-steps = An administrator of your organisation opens { $page } in the browser, signs in, and chooses Settings. Name at least as many approvers as have to agree; one more is better, somebody may be ill.
mail-nobody-or = If none of you meant to take approvers away, have your administrator find out who did: the record of the settings says who and when.

mail-because-approver = You get this mail as an approver of { $tenant }.
mail-because-fallback = You get this mail as a fallback approver of { $tenant }.
mail-because-told = You get this mail because your address is among the notification addresses of { $tenant }.
mail-because-asked = You get this mail because you asked for the access.
mail-because-provider = You get this mail as one of the provider's people.
mail-zone = Times are in the zone { $zone }.
mail-defused = In what people wrote, addresses of web pages have brackets, so that no program makes links of them.
mail-cut = A text was too long for this mail; the page has all of it.
