# Amit az oldalak és a levelek közösen használnak: időpontok, időtartamok, megnevezések.

language-name = magyar

month-1 = január
month-2 = február
month-3 = március
month-4 = április
month-5 = május
month-6 = június
month-7 = július
month-8 = augusztus
month-9 = szeptember
month-10 = október
month-11 = november
month-12 = december

date = { $year }. { $month } { $day }.
instant = { $year }. { $month } { $day }. { $time } ({ $zone })

duration-days = { $count ->
   *[other] { $count } nap
}
duration-hours = { $count ->
   *[other] { $count } óra
}
duration-minutes = { $count ->
   *[other] { $count } perc
}
duration-seconds = { $count ->
   *[other] { $count } másodperc
}
duration-joined = { $larger } { $smaller }

product = Ügyfélszéf
list-and = { $first } és { $last }

state-submitted = ellenőrzés alatt
state-rejected = a szolgáltató elutasította
state-notified = az Ön válaszára vár
state-denied = elutasítva
state-expired = elévült
state-withdrawn = visszavonva
state-active = hozzáférés megadva
state-closed = befejezve
state-revoked = megszüntetve
state-ended = a hozzáférés lejárt

state-notified-provider = az ügyfél válaszára vár
state-denied-provider = az ügyfél elutasította

workload-exchange = Exchange Online
workload-sharepoint = SharePoint Online
workload-onedrive = OneDrive Vállalati verzió

action-metadata = nevek és méretek megtekintése
action-read = olvasás
action-search = keresés
action-export = exportálás
action-modify = módosítás
action-delete = törlés

content-all = az összes tartalom ({ $workload })
content-mailbox = postaláda: { $id }
content-folder = mappa: { $id }
content-message = üzenet: { $id }
content-calendar = naptár: { $id }
content-event = esemény: { $id }
content-contact = névjegy: { $id }
content-attachment = melléklet: { $id }
content-site = webhely: { $id }
content-list = lista: { $id }
content-item = elem: { $id }
content-page = lap: { $id }
content-library = tár: { $id }
content-drive = meghajtó: { $id }
content-file = fájl: { $id }
content-within = { $inner } ({ $outer })

reason-customer_initiated_support = az Ön szolgáltatáskérése
reason-provider_initiated_service = a szolgáltató karbantartása
reason-response_to_alert = riasztás a szolgáltatónál
reason-legal_request = hatósági megkeresés
reason-emergency = vészhelyzet
