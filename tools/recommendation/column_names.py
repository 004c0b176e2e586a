"""Names by which columns are taken for roles and features, the surest first; words joined by underscores.

English, and some German, French, Spanish and Chinese.
"""

from __future__ import annotations

ITEM_IDS = (
    "item_id itemid product_id productid article_id articleid sku asin parent_asin isbn isbn13 ean gtin upc movie_id "
    "movieid film_id filmid book_id bookid song_id track_id video_id videoid content_id news_id newsid recipe_id "
    "game_id app_id appid course_id job_id hotel_id restaurant_id business_id listing_id offer_id doc_id document_id "
    "artikel_id artikelnummer produkt_id produktnummer id_producto id_produit 商品id"
)
NOUNS = "item product article artikel produkt movie film book song track video news recipe game app 商品"
ANY_IDS = "id uuid uid code key number no nr nummer index"
USER_IDS = (
    "user_id userid user customer_id customerid customer client_id client member_id visitor_id visitorid account_id "
    "reader_id reviewer_id reviewerid person_id buyer_id subscriber_id household_id cust_id uid kunde kunden_id "
    "kundennummer nutzer nutzer_id cliente usuario utilisateur username user_name 用户 用户id session_id session"
)
LABELS = (
    "label click clicked is_click clicks purchase purchased is_purchase bought converted conversion liked is_like like "
    "rating ratings stars score overall rate vote event event_type interaction action feedback response target y "
    "bewertung note calificacion"
)
QUERIES = (
    "query search_query search_term searchterm search_text search query_text keyword keywords q suchbegriff "
    "suchanfrage suche requete busqueda consulta"
)
DOMAINS = "domain scenario channel surface placement site market marketplace department vertical section tab locale"
TIMES = (
    "timestamp time event_time event_timestamp datetime date day created_at created ts unix_review_time unixreviewtime "
    "review_time transaction_timestamp zeit zeitpunkt datum fecha"
)
TITLES = (
    "title name headline product_name item_name movie_title book_title original_title subject titel bezeichnung "
    "produktname nom titre nombre titulo 标题 名称"
)
PROSE = (
    "description summary abstract synopsis plot overview text content body details tagline subtitle blurb "
    "beschreibung zusammenfassung resume descripcion"
)
IMAGES = "image images img picture photo poster thumbnail cover bild foto"
COUNTED = (
    "rating ratings vote votes review reviews view views click clicks ctr sales sold download downloads play plays "
    "popularity likes favorites favourites revenue rank salesrank stars score trending "
    "purchases orders label target clicked purchased bought"
)
"""Words in the names of numbers that are counted from users' actions."""
PERSONAL = (
    "name firstname lastname surname email mail phone mobile address street zip zipcode postcode plz ip iban ssn "
    "birthday birthdate geburtsdatum telefon adresse vorname nachname"
)
"""Words in the names of what tells who somebody is."""
IDENTIFIERS = "id ids code sku ean isbn uuid key number nr"
"""Words in the names of numbers that are codes."""
