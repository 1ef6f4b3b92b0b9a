# Az ügyfél beállításai és a kimenő üzenetek.

settings = Beállítások
settings-of = { $tenant } beállításai
settings-what = Minden rész külön menthető. Módosításkor előfordulhat, hogy újra be kell jelentkeznie.
settings-read-only = Ezt Ön megtekintheti. Módosítani csak a szervezetük rendszergazdája tudja.
settings-all = Minden beállítás
save = Mentés
saved = Mentve.
saved-now = A jelenleg mentett értékek:
not-saved = Még semmit sem mentettünk. Kérjük, nézze meg az alább megjelölt mezőket.
nobody = senki
leave-as-it-is = Maradjon így

switch = Ügyfélszéf
switch-on = Be
switch-off = Ki
switch-is-on = A szolgáltató szakemberei csak az Önök jóváhagyásával férhetnek hozzá a tartalmukhoz.
switch-is-off = A szolgáltató nem kérdezi meg Önöket. A szakember akkor kap hozzáférést a tartalmukhoz, ha a szolgáltató saját ellenőrzése engedi.
switch-what-it-means = Mit jelent ez?
switch-turn-on = Bekapcsolás
switch-turn-off = Kikapcsolás
switch-if-off = Ha kikapcsolja
switch-off-1 = Ettől a pillanattól a szakemberek az Önök jóváhagyása nélkül kapnak hozzáférést. Elég hozzá a szolgáltató saját ellenőrzése.
switch-off-2 = Továbbra is értesítést kapnak minden hozzáférésről, és bármikor megszüntethetik.
switch-off-3 = Az Önök által már megadott hozzáférések az idejük végéig érvényesek maradnak. A válaszra váró kérésekhez továbbra is az Önök jóváhagyása kell.
switch-if-on = Ha bekapcsolja
switch-on-1 = Ettől a pillanattól az Önök jóváhagyása nélkül senki sem fér hozzá a tartalmukhoz. Egy kérésre { $duration } alatt válaszolhatnak; a hallgatás nemet jelent.
switch-on-2 = { $count ->
    [0] A szolgáltató saját ellenőrzése alapján megadott hozzáférések azonnal megszűnnek. Jelenleg nincs ilyen.
   *[other] A szolgáltató saját ellenőrzése alapján megadott hozzáférések azonnal megszűnnek. Ezek száma jelenleg { $count }:
}
switch-on-3 = Amíg egy jóváhagyó nem válaszol, a szolgáltató esetleg nem tud segíteni olyan hibánál, amelyhez a tartalmukat is látnia kell.
switch-on-nobody = Senki sem tudna jóváhagyni: előbb nevezzen meg elég jóváhagyót a beállításokban, különben minden kérés elévül.
switch-not-entitled = Nem kapcsolható be: az Önök csomagja nem tartalmazza az Ügyfélszéfet.
switch-not-entitled-next = Az Ügyfélszéf az E5 csomag része, más nagyvállalati csomagokhoz pedig külön előfizetésként vásárolható meg. Forduljon a szolgáltatónál az Önök kapcsolattartójához. Amint a szolgáltató rögzítette, bekapcsolhatja.
switch-kept = Újra bejelentkezett. Még semmi sem változott: ha továbbra is szeretné, nyomja meg ismét a gombot.
switch-done-on = Az Ügyfélszéf be van kapcsolva. Mostantól az Önök jóváhagyása nélkül senki sem fér hozzá a tartalmukhoz.
switch-done-off = Az Ügyfélszéf ki van kapcsolva. A szolgáltató mostantól nem kérdezi meg Önöket.

section-approvers = Kik hagyhatnak jóvá
section-notify = Kik kapnak még értesítést
section-limits = Korlátok
section-language = A levelek nyelve és időzónája
section-webhooks = Értesített rendszerek

setting-lockbox = Ügyfélszéf
setting-entitlement = Jogosultság
setting-entitlement-hint = Amit az ügyfél megvásárolt. Enélkül az Ügyfélszéf nem kapcsolható be.
setting-approvers = Jóváhagyók
setting-approvers-hint = Soronként egy, kisbetűvel, például csilla@contoso.example. Minden kérésről mindegyikük levelet kap. A címtárban is jóváhagyó szerepkörrel kell rendelkezniük.
setting-quorum = Hány jóváhagyónak kell egyetértenie
setting-quorum-hint = A fenti jóváhagyók közül. Egyetlen elutasítás mindig lezárja a kérést.
setting-fallback_approvers = Helyettes jóváhagyók
setting-fallback_approvers-hint = Akkor válaszolhatnak, és akkor kapnak értesítést, ha a jóváhagyók az idő nagy részét válasz nélkül hagyták. Soronként egy; üres is lehet.
setting-notify = Értesítési címek
setting-notify-hint = Ugyanazokat a leveleket kapják, de nem válaszolhatnak. Soronként egy; üres is lehet.
setting-respond_within = Válaszadási idő
setting-respond_within-hint = Ha letelik, a kérés elévül, és senki sem kap hozzáférést.
setting-grant_longest = Leghosszabb hozzáférés
setting-grant_longest-hint = Ennél hosszabbat senki sem kérhet, és jóváhagyás sem adhat.
setting-language = A levelek nyelve
setting-language-hint = Az oldalaké is, ha valaki még nem választott nyelvet.
setting-time_zone = Időzóna
setting-time_zone-hint = A levelek ebben az időzónában írják az időpontokat, például Europe/Budapest. Ez az oldal ebben: { $zone }.
setting-webhooks = Webhookok
setting-webhooks-hint = Soronként egy: egy név és a hívandó cím, például: pager https://pager.contoso.example/lockbox
setting-attributes = További adatok
setting-changed = { $setting }: { $was } → { $is }
setting-set = { $setting }: { $value }
setting-added = { $setting } – hozzáadva: { $value }
setting-removed = { $setting } – eltávolítva: { $value }

limit-providers = A szolgáltató korlátja: { $duration }
limit-as-provider = a szolgáltatóé szerint
quorum-of = { $quorum } / { $approvers }
history-cut = A régebbi módosítások itt nem láthatók. Az auditorok az API-n keresztül érik el őket.

entitlement-e5 = E5 csomag
entitlement-add_on = kiegészítőként megvásárolva
entitlement-none = nincs
entitlement-in-use = Ennél az ügyfélnél az Ügyfélszéf be van kapcsolva, ezért a jogosultság nem vehető el. Előbb az ügyfél rendszergazdájának kell kikapcsolnia.

wrong-person = „{ $text }” nem érvényes cím: kisbetűvel, szóköz nélkül írandó, például csilla@contoso.example.
wrong-quorum = „{ $text }” nem 1-nél kezdődő egész szám.
wrong-limit = „{ $text }” nem időtartam. Válasszon a listából.
wrong-language = „{ $text }” nem tartozik az oldal nyelvei közé.
wrong-zone = „{ $text }” nem időzóna. A név így írandó: Europe/Budapest.
wrong-webhook = „{ $text }” nem webhook: előbb egy kisbetűs név, utána szóköz, majd egy https:// kezdetű cím kell.
wrong-webhook-twice = Két webhooknak ez a neve: „{ $text }”.

tenants = Ügyfelek
tenants-none = Még nincs felvett ügyfél.
tenants-more = További ügyfelek
nobody-can-approve-short = kevés a jóváhagyó
nobody-can-approve-provider = Ennél az ügyfélnél túl kevesen hagyhatnak jóvá: minden kérés válasz nélkül fog elévülni.

outbox = Üzenetek
outbox-unsent = Itt nincs levelezőkiszolgáló beállítva, ezért semmit sem küldünk el. Nyisson meg egy üzenetet az elolvasásához.
outbox-all = Mind
outbox-dead = Sikertelen
outbox-none = Még nem készült üzenet.
outbox-none-dead = Nincs olyan üzenet, amelynek a küldését feladtuk.
outbox-to = Címzett
outbox-written = létrehozva
outbox-webhook = webhook: { $name }
outbox-older = Régebbi üzenetek
outbox-again = Küldés ismét
outbox-now = Próbálja most
outbox-again-done = A(z) { $number }. számú üzenetet ismét elküldjük.
outbox-state-waiting = küldésre vár
outbox-state-sent = elküldve
outbox-state-moot = okafogyottá vált
outbox-state-dead = sikertelen
outbox-due = { $attempts ->
   *[other] küldés ideje:
}
outbox-due-again = { $attempts ->
   *[other] { $attempts } sikertelen próbálkozás; a következő:
}
outbox-sent = { $attempts ->
   *[other] átadva:
}
outbox-moot = { $attempts ->
   *[other] ekkor:
}
outbox-given-up = { $attempts ->
   *[other] { $attempts } próbálkozás után, ekkor:
}
outbox-kind-pending = Egy kérés válaszra vár
outbox-kind-reminder = Emlékeztető: egy kérés válaszra vár
outbox-kind-last_reminder = Utolsó emlékeztető: egy kérés válaszra vár
outbox-kind-escalated = Egy kérés a helyettes jóváhagyókra vár
outbox-kind-approved = Jóváhagyva
outbox-kind-denied = Az ügyfél elutasította
outbox-kind-no_longer_needed = Már nem kell válaszolni
outbox-kind-first_use = Az első hozzáférés a tartalomhoz
outbox-kind-rejected = A szolgáltató ellenőrzése elutasította
outbox-kind-expired = Válasz nélkül elévült
outbox-kind-withdrawn = Visszavonva
outbox-kind-ended = A hozzáférés véget ért
outbox-kind-nobody_can_approve = Riasztás: túl kevesen hagyhatnak jóvá
notice-title = { $number }. számú üzenet
notice-what = Miről
notice-no-message = Ennek az üzenetnek a szövege itt nem jeleníthető meg.
notice-back = Minden üzenet
