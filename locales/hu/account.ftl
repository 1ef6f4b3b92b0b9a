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
