# account
# Be- és kijelentkezés.

sign-in-oidc = Bejelentkezés szervezeti fiókkal
sign-in-oidc-what = Személyazonosságát a szervezete bejelentkezési szolgáltatásánál igazolja, majd ide tér vissza.
sign-in-oidc-again = Megerősítem, hogy én vagyok
sign-in-oidc-again-what = Kérjük, igazolja újra személyazonosságát a szervezete bejelentkezési szolgáltatásánál, ugyanazzal a fiókkal, mint korábban.
sign-in-somebody-else = Bejelentkezés más személyként
sign-in-leaving = Átirányítjuk a szervezete bejelentkezési szolgáltatásához.
sign-in-leave = Tovább a bejelentkezési szolgáltatáshoz
sign-in-done = Sikeresen bejelentkezett.
sign-in-go-on = Tovább
sign-in-back = Vissza a bejelentkezéshez
signed-out = Itt kijelentkezett.
sign-out-there = Kijelentkezés a bejelentkezési szolgáltatásból is

oidc-not-ready = A bejelentkezési szolgáltatás most nem érhető el. Kérjük, próbálja újra egy perc múlva; ha akkor sem sikerül, szóljon az üzemeltetőnek.
oidc-misconfigured = Az Ügyfélszéf egyik beállítása miatt nem lehet bejelentkezni. Kérjük, szóljon az üzemeltetőnek; a napló tartalmazza, mi a hiba.
oidc-too-late = A bejelentkezés túl sokáig tartott. Kérjük, kezdje újra.
oidc-other-browser = Ez a válasz nem ebben a böngészőben kezdett bejelentkezéshez tartozik, vagy az már befejeződött. Ha nem Ön kezdett itt bejelentkezni, nem történt semmi; egyébként kérjük, kezdje újra.
oidc-mixed-up = A válasz nem az Ön bejelentkezési szolgáltatásától érkezett, ezért nem fogadtuk el. Kérjük, kezdje újra; ha megismétlődik, szóljon az üzemeltetőnek.
oidc-declined = A bejelentkezési szolgáltatás nem engedte be ({ $code }). Kérjük, kezdje újra.
oidc-code = A bejelentkezési szolgáltatás válasza nem használható, vagy már felhasználták. Kérjük, kezdje újra.
oidc-exchange = A bejelentkezési szolgáltatás nem fejezte be a bejelentkezést. Kérjük, próbálja újra egy perc múlva; ha akkor sem sikerül, szóljon az üzemeltetőnek.
oidc-token = A bejelentkezési szolgáltatás nem közölt Önről olyat, ami itt elfogadható. Kérjük, szóljon az üzemeltetőnek: lehet, hogy a fiókjának nincs szerepköre, vagy a beállítások nem megfelelőek.
oidc-not-fresh = A bejelentkezési szolgáltatás nem erősítette meg, hogy Ön az imént igazolta a személyazonosságát. Jelentkezzen ki ott, és próbálja újra. Ha megismétlődik, szóljon az üzemeltetőnek: a bejelentkezési szolgáltatásnak küldenie kell az „auth_time” értéket.
oidc-somebody-else = Ön { $person } néven tért vissza, de itt valaki más dolgozott. Semmi sem változott, és amit az illető írt, az ő számára megmaradt. Erősítse meg ugyanazzal a fiókkal, mint korábban, vagy jelentkezzen be más személyként.
oidc-busy = Most túl sokan jelentkeznek be. Kérjük, egy perc múlva töltse be újra ezt az oldalt.

method-oidc = bejelentkezési szolgáltatással
method-token = tokennel
method-jwt = programmal
method-demo = a bemutatóban

account = Saját fiók
passkeys = Azonosítókulcsok
passkeys-what = Azonosítókulccsal megerősíthet egy jóváhagyást: az eszköze ujjlenyomattal, arcfelismeréssel vagy PIN-kóddal meggyőződik arról, hogy Ön az, és pontosan azt írja alá, amit jóváhagy. Ezt egy ellenőr később is ellenőrizheti.
passkeys-none = Itt még nincs azonosítókulcsa.
passkeys-not-here = Ezen a címen nem használható azonosítókulcs. Az üzemeltetőnek névvel és https-sel elérhető címet kell beállítania.
passkey-registered = Regisztrálva:
passkey-add = Azonosítókulcs hozzáadása
passkey-remove = Eltávolítás
passkey-added = Az azonosítókulcsot hozzáadtuk. Mostantól ezzel is jóváhagyhat.
passkey-removed = Az azonosítókulcsot eltávolítottuk. Amit korábban megerősített vele, az érvényes marad.
passkey-needs-script = Azonosítókulcs hozzáadásához szkript szükséges, amely ebben a böngészőben ki van kapcsolva. Minden más anélkül is működik.
passkey-too-many = Nem lehet több azonosítókulcsa. Előbb távolítson el egyet.
approve-with-passkey = Jóváhagyás azonosítókulccsal
passkey-not-done = Az azonosítókulcs nem erősítette meg, ezért semmit sem küldtünk el. Kérjük, próbálja újra, vagy folytassa nélküle.
passkey-too-late = Az azonosítókulcsot túl régen kértük, vagy a válaszát már felhasználták. Semmi sem változott; kérjük, próbálja újra.
passkey-other-form = Az azonosítókulcs nem azt írta alá, ami most az űrlapon áll, ezért nem történt jóváhagyás. Kérjük, próbálja újra.
passkey-unknown = Ez az azonosítókulcs nem az Ön neve alatt van regisztrálva, ezért nem történt jóváhagyás.
passkey-not-verified = Az azonosítókulcs nem győződött meg arról, hogy valóban Ön az, ezért a válaszát elutasítottuk. Kérjük, próbálja újra ujjlenyomattal, arcfelismeréssel vagy PIN-kóddal.
passkey-copied = Az azonosítókulcs számlálója visszafelé lépett: lehet, hogy valakinek másolata van róla. Semmi sem változott. Távolítsa el, és szóljon a rendszergazdának.
passkey-key = Ez a fajta azonosítókulcs itt nem használható. Kérjük, válasszon másikat.
passkey-wrong = Az azonosítókulcs válasza érvénytelen, ezért semmi sem változott. Kérjük, próbálja újra.
