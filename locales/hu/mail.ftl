# Levelek. A tárgy a kérés számával kezdődik, és semmi olyat nem tartalmaz, amit a kérelmező írt.

mail-subject = { $about }: { $headline }
mail-subject-by = { $about }: { $headline } – válaszadási határidő: { $until }

mail-pending = Hozzáférést kérnek a tartalmukhoz
mail-reminder = Egy kérés még mindig Önre vár
mail-last-reminder = Utolsó emlékeztető: egy kérés Önre vár
mail-escalated = A jóváhagyók helyett Önhöz fordulunk
mail-approved = Hozzáférést adtak
mail-approved-engineer = Ön hozzáférést kapott
mail-denied = A kérést elutasították
mail-denied-engineer = Az ügyfél elutasította a kérését
mail-no-longer-needed = Az Ön válaszára már nincs szükség
mail-rejected = A kérése nem jutott túl az ellenőrzésen
mail-expired = A kérés válasz nélkül elévült
mail-expired-engineer = A kérése válasz nélkül elévült
mail-withdrawn = A kérést visszavonták
mail-first-use = Először nyitották meg a tartalmukat
mail-ended = A hozzáférés véget ért
mail-ended-engineer = Az Ön hozzáférése véget ért
mail-nobody = Túl kevesen hagyhatnak jóvá

mail-pending-intro = Egy terméktámogatási szakember ({ $engineer }) hozzáférést kér a szervezetük tartalmához ({ $workload }). Az Önök jóváhagyása nélkül senki sem kap hozzáférést.
mail-reminder-intro = Egy terméktámogatási szakember ({ $engineer }) hozzáférést kért a szervezetük tartalmához ({ $workload }), és még senki sem döntött róla.
mail-escalated-intro = Egy terméktámogatási szakember ({ $engineer }) hozzáférést kért a szervezetük tartalmához ({ $workload }). A jóváhagyók nem döntöttek, vagy túl kevesen vannak. Helyettes jóváhagyóként mostantól Ön is válaszolhat.
mail-answer-by = Válaszadási határidő: { $until }, a levél megírásától számítva { $left }. A hallgatás nemet jelent.
mail-would-allow = Ha jóváhagyja, { $engineer } ettől a pillanattól ezt teheti: { $actions } – { $contents } – { $duration } időtartamra, tovább nem.
mail-meanwhile = Időközben változott a helyzet. A kérés állapota most: { $state }. Már nem kell válaszolnia rá.
mail-contents-many = { $count ->
   *[other] { $count } tartalom, a levélben felsorolva
}

mail-asked = Mit kérnek
mail-request = Amit kértek
mail-see-page = Hír egy kérésről
mail-decision = A döntés
mail-decided-by = Ki döntött
mail-who = Ki
mail-customer = Ügyfél
mail-why = Miért
mail-why-is = { $reason } ({ $service_request })
mail-service-request = Szolgáltatáskérés
mail-in-own-words = A szakember saját szavaival
mail-where = Hol
mail-actions = Műveletek
mail-content = Tartalom
mail-how-long = Mennyi időre
mail-submitted = Beadva
mail-reviewed = A szolgáltató ellenőrizte
mail-reviewer-says = Az ellenőr megjegyzése
mail-comment = Megjegyzés
mail-by-at = { $by }, { $at }
mail-quorum = Szükséges jóváhagyások száma
mail-quorum-is = { $quorum }, eddig { $agreed }; egyetlen elutasítás elég a lezáráshoz

mail-unknown = Amit még nem tudni
mail-unknown-content = A kérés nem nevez meg tartalmat: jóváhagyása esetén a szakember a szolgáltatás ({ $workload }) teljes tartalmát eléri.
mail-unknown-items = Hogy a megnevezett tartalmon belül mely elemeket nyitják meg. Az oldalon mindegyiket látni fogja, amint megtörténik.
mail-unknown-start = Hogy a szakember mikor kezd hozzá. Az idő a jóváhagyástól számít.

mail-how = Hogyan válaszolhat
mail-how-steps = Nyissa meg a böngészőjében ezt a címet: { $page }, jelentkezzen be, és válassza ki a kérést: { $id }. Ott jóváhagyhatja, a kértnél kevesebbet engedélyezhet, vagy elutasíthatja.
mail-how-no-link = Ebben a levélben szándékosan nincs bejelentkezésre vagy jóváhagyásra szolgáló hivatkozás. Az a levél, amely kattintással kér jóváhagyást, nem tőlünk való.
mail-how-others = Ezt tájékoztatásul kapja: válaszolni csak a beállításokban megnevezett jóváhagyók tudnak.
mail-look = A részleteket az oldalon találja: nyissa meg a böngészőjében ezt a címet: { $page }, jelentkezzen be, és válassza ki a kérést: { $id }.

mail-approved-by = A kérést jóváhagyta: { $by }, { $at }.
mail-approved-off = Az Ügyfélszéf az Önök szervezeténél ki van kapcsolva: a szolgáltató saját ellenőrzése elég volt, Önöket nem kérdezték meg.
mail-approved-off-engineer = Az Ügyfélszéf ennél az ügyfélnél ki van kapcsolva: a belső ellenőrzés elég volt.
mail-may = { $engineer } ezt teheti: { $actions } – { $contents }. A hozzáférés eddig tart, tovább nem: { $until }.
mail-you-may = Ön ezt teheti: { $actions } – { $contents }. A hozzáférés eddig tart, tovább nem: { $until }.
mail-less = Ez kevesebb, mint amit kértek.
mail-over-already = Ez a hozzáférés már véget ért: { $at }.
mail-given = Amire engedélyt adtak
mail-given-you = Amit Ön megtehet
mail-window = Ettől – eddig
mail-window-is = { $span }, { $duration }
mail-can-end = A hozzáférést bármelyik jóváhagyó bármikor megszüntetheti az oldalon. Értesítjük, amikor először nyitnak meg tartalmat, és amikor a hozzáférés véget ér.
mail-close = Amint végzett, zárja le a kérést: a hozzáférése azonnal megszűnik, az ügyfél pedig kimutatást kap arról, mihez fértek hozzá.

mail-denied-by = A kérést elutasította: { $by }, { $at }. Senki sem kapott hozzáférést.
mail-denied-next = Ha továbbra is szüksége van a hozzáférésre, előbb egyeztessen az ügyféllel, majd adjon be új kérést.
mail-no-longer-approved = A kérést jóváhagyta: { $by }, { $at }. Önnek nincs teendője.
mail-no-longer-denied = A kérést elutasította: { $by }, { $at }. Senki sem kapott hozzáférést, Önnek nincs teendője.
mail-no-longer-else = A kérés állapota most: { $state }. Önnek nincs teendője.
mail-rejected-by = A kérést elutasította: { $by }, { $at }. Az ügyfél nem értesült róla.
mail-rejected-next = Ha továbbra is szüksége van a hozzáférésre, adjon be új kérést az ellenőr megjegyzésének figyelembevételével.
mail-expired-at = A határidőig ({ $at }) senki sem válaszolt. Senki sem kapott hozzáférést.
mail-expired-next = Ha a hozzáférésre továbbra is szükség van, a szakembernek új kérést kell beadnia.
mail-expired-next-engineer = Ha továbbra is szüksége van a hozzáférésre, szóljon az ügyfélnek, hogy kérni fogja, majd adjon be új kérést.
mail-withdrawn-at = A kérést visszavonta: { $engineer }, { $at }. Senki sem kapott hozzáférést, Önnek nincs teendője.

mail-first-use-intro = { $engineer } e jóváhagyás alapján először nyitott meg tartalmat.
mail-first-touch = Amit elsőként megnyitottak
mail-may-go-on = A hozzáférés eddig tart: { $until }. Bármelyik jóváhagyó bármikor megszüntetheti az oldalon.
mail-ended-closed = A munka elkészült, a kérést lezárta: { $by }, { $at }.
mail-ended-revoked = A hozzáférést megszüntette: { $by }, { $at }.
mail-ended-switched = A hozzáférést közvetlenül vagy az Ügyfélszéf bekapcsolásával megszüntette: { $by }, { $at }.
mail-ended-window = Az idő lejárt: { $at }.
mail-ended-nobody = Ezt a hozzáférést már senki sem használhatja.
mail-ended-you = Ezt a hozzáférést már nem használhatja. Ha továbbra is szüksége van rá, adjon be új kérést.

mail-receipt = Kimutatás: mihez fértek hozzá
mail-receipt-none = Semmihez sem fértek hozzá.
mail-receipt-later = A napló a levél megírásakor nem volt olvasható. Semmi sem veszett el; az oldalon megtalálja, mihez fértek hozzá.
mail-receipt-lasted = A hozzáférés időtartama
mail-receipt-allowed = Hozzáférések száma
mail-receipt-refused = Megtagadott kísérletek száma
mail-receipt-at-least = legalább { $count }
mail-receipt-more = Az itt felsoroltnál több történt; az oldalon mindet megtalálja.
mail-touch = { $action } – { $content } – { $when }
mail-touch-times = { $action } – { $content } – { $when }, { $count ->
   *[other] { $count } alkalommal
}
mail-span = { $from } – { $until }

mail-nobody-intro = Az Ügyfélszéf be van kapcsolva ({ $tenant }), de túl kevesen hagyhatnak jóvá. Minden kérés válasz nélkül fog elévülni, és a szakemberek semmiben sem tudnak segíteni, amihez az Önök tartalmára van szükség.
mail-nobody-named = Akik jóváhagyhatnak
mail-nobody-needed = Szükséges jóváhagyások száma
mail-nobody-waits = Máris válaszra vár
mail-nobody-waits-is = { $id }, eddig: { $until }
mail-nobody-facts = A helyzet
mail-nobody-how = Mi a teendő
mail-nobody-steps = A szervezetük rendszergazdája nyissa meg a böngészőjében ezt a címet: { $page }, jelentkezzen be, és válassza a Beállítások lapot. Legalább annyi jóváhagyót nevezzen meg, ahánynak egyet kell értenie; eggyel több még jobb, hiszen bárki megbetegedhet.
mail-nobody-or = Ha a jóváhagyókat Önök közül senki sem akarta eltávolítani, a rendszergazdájuk derítse ki, ki tette: a beállítások naplójából kiderül, ki és mikor.

mail-because-approver = Ezt a levelet jóváhagyóként kapja ({ $tenant }).
mail-because-fallback = Ezt a levelet helyettes jóváhagyóként kapja ({ $tenant }).
mail-because-told = Ezt a levelet azért kapja, mert címe szerepel az értesítési címek között ({ $tenant }).
mail-because-asked = Ezt a levelet azért kapja, mert Ön kérte a hozzáférést.
mail-because-provider = Ezt a levelet a szolgáltató munkatársaként kapja.
mail-zone = Az időpontok időzónája: { $zone }.
mail-defused = Az idézett szövegekben a webcímek szögletes zárójelet tartalmaznak, hogy egyetlen program se alakítsa őket hivatkozássá.
mail-cut = Az egyik szöveg túl hosszú volt ehhez a levélhez; az oldalon teljes egészében olvasható.
