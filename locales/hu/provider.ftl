# A szolgáltató oldala: szakemberek, ellenőrök, auditorok, üzemeltetők.

ask = Új kérés
ask-what = Előbb egyik ellenőrünk nézi meg, azután az ügyfél. Csak annyit kérjen, amennyi feltétlenül szükséges: hamarabb jóváhagyják.
ask-tenant = Ügyfél
ask-tenant-hint = Az ügyfél rövid neve, például contoso.
ask-workload = Szolgáltatás
ask-service_request = Szolgáltatáskérés
ask-service_request-hint = A szolgáltatáskérés száma, például SR-1042.
ask-reason_code = Ok
ask-reason_text = Miért van rá szüksége
ask-reason_text-hint = Az ügyfél elolvassa. Írja le, mi nem működik, és mit kell megnéznie.
ask-content = Tartalom
ask-content-hint = Soronként egy, például mailbox/adele@contoso.example. Üresen hagyva a szolgáltatás teljes tartalmára vonatkozik; ezt az ügyfelek ritkán hagyják jóvá.
ask-duration = Mennyi időre, a jóváhagyástól számítva
ask-now = Hozzáférés kérése
ask-not = Mégsem
not-sent = Még semmit sem küldtünk el. Kérjük, nézze meg az alább megjelölt mezőket.
may-not-ask = Ön nem kérhet hozzáférést: nem szerepel a szakemberek jegyzékében, vagy felfüggesztették. Forduljon az üzemeltetőhöz.
sent-already = Ezt az űrlapot korábban már elküldte, más tartalommal. Ha még egy kérést szeretne, küldje el ismét.
wrong-tenant = „{ $text }” nem ügyfélnév: kisbetűkből, számjegyekből és kötőjelből állhat.
wrong-no-tenant = Nincs ilyen nevű ügyfél.
wrong-workload = „{ $text }” nem szolgáltatás. Válasszon a listából.
wrong-service-request = „{ $text }” nem egy szolgáltatáskérés száma: betűk, számjegyek és a . _ - : # jelek használhatók, szóköz nélkül.
wrong-reason = „{ $text }” nem szerepel az okok között. Válasszon a listából.
wrong-no-reason = Írja le egy mondatban, miért van szüksége a hozzáférésre.
wrong-no-action-asked = Válasszon legalább egy műveletet.
wrong-path = „{ $text }” nem tartalom: kisbetűvel, így írandó: mailbox/adele@contoso.example.

own-none = Még nem kért hozzáférést.
own-over = Lezárult kérések

queue-none = Semmi sem vár ellenőrzésre.
queue-more = { $count ->
   *[other] Még { $count } kérés vár ellenőrzésre
}
queue-others = Az ügyfeleknél lévő kérések és az érvényes hozzáférések
queue-others-none = Egyik ügyfél válaszára sem várunk, és nincs érvényes hozzáférés.
look-and-review = Megtekintés és ellenőrzés
lately = { $count ->
    [one] { $engineer } az elmúlt 30 napban csak ezt az egy kérést adta be.
   *[other] { $engineer } az elmúlt 30 napban { $count } kérést adott be, ezzel együtt.
}
lately-more = { $engineer } az elmúlt 30 napban több mint { $count } kérést adott be.
lately-refused = { $count ->
   *[other] Ebből { $count } kérést elutasítottak, vagy az ügyfél szüntette meg a hozzáférést.
}
lately-active = { $count ->
   *[other] Jelenleg { $count } kérése alapján van hozzáférése.
}
judge-on = { $approvers ->
    [0] Ennél az ügyfélnél az Ügyfélszéf be van kapcsolva; senki sem hagyhat jóvá.
   *[other] Ennél az ügyfélnél az Ügyfélszéf be van kapcsolva; { $approvers } személy hagyhat jóvá, közülük { $quorum } egyetértése kell.
}
judge-off = Ennél az ügyfélnél az Ügyfélszéf ki van kapcsolva: senkit sem fognak megkérdezni.
judge-nobody = Túl kevesen hagyhatnak jóvá: ha továbbküldi, a kérés elévül. Előbb vegye fel a kapcsolatot az ügyféllel.

review = Az Ön ellenőrzése
review-not-own = Ezt Ön kérte. Egy másik ellenőrnek kell megnéznie.
review-would-ask = Ha továbbküldi, az ügyfelet kérdezzük meg; jóváhagyása előtt senki sem fér hozzá semmihez.
review-would-open = Ha jóváhagyja, { $engineer } azonnal hozzáférést kap, ennyi időre: { $duration }. Az ügyfelet nem kérdezzük meg: egyedül Ön dönt.
review-comment-hint = A szakember és az ügyfél is látja. Elutasításkor indokolja meg.
review-pass-on = Továbbküldés az ügyfélnek
review-open = Jóváhagyás és hozzáférés megadása
wrong-no-reason-to-reject = Elutasításkor írja le egy mondatban az okát, hogy a szakember tudja, mit tegyen.
withdraw = Visszavonás
withdraw-what = Ha már nincs szüksége a hozzáférésre, vonja vissza a kérést. Ezután senkinek sem kell válaszolnia rá.
withdraw-now = A kérés visszavonása
close = Befejezés
close-what = Ha a hibát elhárította, fejezze be a hozzáférést. Azonnal és mindenhol megszűnik, az ügyfél pedig értesítést kap.
close-comment-hint = Az ügyfél elolvassa. Írja le, mit végzett.
close-now = Befejezés, a hozzáférés lezárása

done-submitted = A kérést beadta. Következő lépésként egy ellenőr nézi meg; a döntésről levelet kap.
done-passed-on = Továbbküldve. Az ügyfelet megkérdeztük, eddig válaszolhat: { $until }.
done-review-gave-access = Jóváhagyva. A szakember eddig férhet hozzá: { $until }; az ügyfelet értesítettük.
done-review-rejected = Elutasítva. A szakember megkapta az indoklást; az ügyfelet nem kérdeztük meg.
done-withdrawn = Visszavonva. Már senkinek sem kell válaszolnia rá.
done-closed = Befejezve. A hozzáférés mindenhol megszűnt.

reason-customer_initiated_support-provider = az ügyfél szolgáltatáskérése
reason-provider_initiated_service-provider = saját karbantartásunk
reason-response_to_alert-provider = saját riasztásunk
ended-revoked-provider = az ügyfél megszüntette
trouble-forbidden-what-provider = Megtekintheti, de nem Ön teheti meg: a szakemberek kérnek, egy másik ellenőr ellenőriz, az ügyfél dönt.
trouble-forbidden-next-provider = Ha Önnek kellene, kérdezze meg az üzemeltetőt a szerepköreiről.

fleet = Központok és sidecarok
fleet-record = A nyilvántartás a(z) { $epoch }. korszak { $revision }. változatánál tart.
fleet-authorities = Központok
fleet-own = ez a központ
fleet-version = Verzió
fleet-holds = Változat
fleet-heard = Ennyi ideje nem jelentkezett
fleet-sidecars = Sidecarok
fleet-none = Még egyetlen sidecar sem kért bérletet. Így indítható: `lockbox serve --role sidecar`.
fleet-state-current = naprakész
fleet-state-behind = elmaradt
fleet-state-silent = hallgat: mindent elutasít
fleet-state-removed = a listáról levéve
fleet-state-unheard = mostanában nem jelentkezett
fleet-count-current = { $count } naprakész
fleet-count-behind = { $count } elmaradt
fleet-count-silent = { $count } hallgat
fleet-count-removed = { $count } a listáról levéve
fleet-count-unheard = { $count } mostanában nem jelentkezett
fleet-removed-by = levette: { $person }
fleet-lease-age = A bérlet kora
fleet-policies = Szabályok
fleet-last-record = Utolsó bejegyzés
fleet-for = Erről dönt
fleet-for-all = mindenről
fleet-authority = Ennek jelentkezett
fleet-lost = Elveszett
fleet-remove-means = Bármit mutat fel, több bérletet nem kap, és amint a mostani lejár, mindent elutasít. Bármikor visszaengedheti.
fleet-remove = Levétel a listáról
fleet-admit = Visszaengedés
fleet-removed = Több bérletet nem kap: { $name }.
fleet-admitted = Újra kaphat bérletet: { $name }.
fleet-more = További { $count } itt nem látszik; a `lockbox fleet status` mindet felsorolja.
