# What pages and mails share: times, durations, and the names of things.

language-name = English

month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December

date = { $day } { $month } { $year }
instant = { $day } { $month } { $year }, { $time } ({ $zone })

duration-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
duration-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
duration-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
duration-seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
duration-joined = { $larger } { $smaller }

product = Customer Lockbox
list-and = { $first } and { $last }

state-submitted = under review
state-rejected = rejected by the provider
state-notified = waiting for your answer
state-denied = rejected
state-expired = expired
state-withdrawn = withdrawn
state-active = access given
state-closed = finished
state-revoked = revoked
state-ended = access ended

state-notified-provider = waiting for the customer
state-denied-provider = rejected by the customer

workload-exchange = Exchange Online
workload-sharepoint = SharePoint Online
workload-onedrive = OneDrive for Business

action-metadata = see names and sizes
action-read = read
action-search = search
action-export = export
action-modify = change
action-delete = delete

content-all = all content of { $workload }
content-mailbox = mailbox { $id }
content-folder = folder { $id }
content-message = message { $id }
content-calendar = calendar { $id }
content-event = event { $id }
content-contact = contact { $id }
content-attachment = attachment { $id }
content-site = site { $id }
content-list = list { $id }
content-item = item { $id }
content-page = page { $id }
content-library = library { $id }
content-drive = drive { $id }
content-file = file { $id }
content-within = { $inner } in { $outer }

reason-customer_initiated_support = your support request
reason-provider_initiated_service = maintenance by the provider
reason-response_to_alert = an alert at the provider
reason-legal_request = a legal request
reason-emergency = an emergency
