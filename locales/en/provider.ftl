# The provider's side: engineers, reviewers, auditors, operators.

ask = New request
ask-what = First a reviewer of ours looks at it, then the customer. Ask for as little as you need: it is approved sooner.
ask-tenant = Customer
ask-tenant-hint = The customer's short name, such as contoso.
ask-workload = Service
ask-service_request = Service request
ask-service_request-hint = The number of the support case, such as SR-1042.
ask-reason_code = Reason
ask-reason_text = Why you need it
ask-reason_text-hint = The customer reads this. Say what is broken and what you have to look at.
ask-content = Content
ask-content-hint = One entry a line, such as mailbox/adele@contoso.example. Empty asks for everything in the service, which customers seldom approve.
ask-duration = For how long, from the approval
ask-now = Ask for access
ask-not = Do not ask
not-sent = Nothing was sent yet. Please look at what is marked below.
may-not-ask = You cannot ask for access: you are not in the directory of engineers, or you are suspended. An operator can help.
sent-already = This form was sent before, with something else in it. If you want one more request, send it once more.
wrong-tenant = “{ $text }” is no customer's name: it has lower-case letters, digits and hyphens.
wrong-no-tenant = There is no customer of this name.
wrong-workload = “{ $text }” is no service. Choose one from the list.
wrong-service-request = “{ $text }” is no number of a support case: letters, digits and . _ - : # are allowed, without spaces.
wrong-reason = “{ $text }” is no reason. Choose one from the list.
wrong-no-reason = Say in a sentence why you need access.
wrong-no-action-asked = Choose at least one action.
wrong-path = “{ $text }” is no content: it is written as mailbox/adele@contoso.example, in lower case.

own-none = You have not asked for anything yet.
own-over = Over

queue-none = Nothing waits for review.
queue-more = { $count ->
    [one] One more waits for review
   *[other] { $count } more wait for review
}
queue-others = With the customers, and open
queue-others-none = No customer is being asked, and no access is open.
look-and-review = Look and review
lately = { $count ->
    [one] This is the only request of { $engineer } in the last 30 days.
   *[other] { $engineer } has made { $count } requests in the last 30 days, this one among them.
}
lately-more = { $engineer } has made more than { $count } requests in the last 30 days.
lately-refused = { $count ->
    [one] One of them was refused or ended by the customer.
   *[other] { $count } of them were refused or ended by the customer.
}
lately-active = { $count ->
    [one] One of them gives access right now.
   *[other] { $count } of them give access right now.
}
judge-on = { $approvers ->
    [0] Customer Lockbox is on for this customer; nobody can approve.
    [one] Customer Lockbox is on for this customer; one person can approve, { $quorum } must.
   *[other] Customer Lockbox is on for this customer; { $approvers } people can approve, { $quorum } must.
}
judge-off = Customer Lockbox is off for this customer: nobody there will be asked.
judge-nobody = Too few people can approve: if you pass it on, it will expire. Get in touch with the customer first.

review = Your review
review-not-own = You asked for this yourself. Another reviewer has to look at it.
review-would-ask = If you pass it on, the customer is asked; nobody has access before the customer has approved.
review-would-open = If you approve, { $engineer } has access at once, for { $duration }. No customer is asked: you alone decide.
review-comment-hint = The engineer and the customer see it. To reject, say why.
review-pass-on = Pass on to the customer
review-open = Approve and give access
wrong-no-reason-to-reject = To reject, say in a sentence why, so that the engineer knows what to do.
withdraw = Withdraw
withdraw-what = If you no longer need access, take the request back. Nobody has to answer it then.
withdraw-now = Withdraw the request
close = Finish
close-what = When the problem is fixed, end the access. It ends at once, everywhere, and the customer is told.
close-comment-hint = The customer reads this. Say what you have done.
close-now = Finish and end the access

done-submitted = Asked. A reviewer looks at it next; you get a mail when it is decided.
done-passed-on = Passed on. The customer has been asked and can answer until { $until }.
done-review-gave-access = Approved. The engineer has access until { $until }; the customer has been told.
done-review-rejected = Rejected. The engineer has been told why; the customer was not asked.
done-withdrawn = Withdrawn. Nobody has to answer it any more.
done-closed = Finished. The access has ended everywhere.

reason-customer_initiated_support-provider = a support request of the customer
reason-provider_initiated_service-provider = our own maintenance
reason-response_to_alert-provider = an alert of ours
ended-revoked-provider = the customer ended it
trouble-forbidden-what-provider = You may look at this, but it is for somebody else to do: engineers ask, a reviewer who did not ask reviews, the customer decides.
trouble-forbidden-next-provider = If it should be you, ask your operator about your roles.

fleet = Authorities and sidecars
fleet-record = The record is at revision { $revision } of epoch { $epoch }.
fleet-authorities = Authorities
fleet-own = this one
fleet-version = Version
fleet-holds = Revision
fleet-heard = Not heard for
fleet-sidecars = Sidecars
fleet-none = No sidecar has ever asked for a lease. Start one with `lockbox serve --role sidecar`.
fleet-state-current = up to date
fleet-state-behind = behind
fleet-state-silent = silent: it denies everything
fleet-state-removed = taken off the list
fleet-state-unheard = not heard lately
fleet-count-current = { $count } up to date
fleet-count-behind = { $count } behind
fleet-count-silent = { $count } silent
fleet-count-removed = { $count } taken off the list
fleet-count-unheard = { $count } not heard lately
fleet-removed-by = by { $person }
fleet-lease-age = Age of the lease
fleet-policies = Policies
fleet-last-record = Last record
fleet-for = Answers about
fleet-for-all = everything
fleet-authority = Heard by
fleet-lost = It is lost
fleet-remove-means = It gets no lease any more, whatever it shows, and denies everything once the one it has is over. You can let it in again at any time.
fleet-remove = Take it off the list
fleet-admit = Let it in again
fleet-removed = { $name } gets no lease any more.
fleet-admitted = { $name } may renew again.
fleet-more = { $count } more are not shown here; `lockbox fleet status` lists all.
