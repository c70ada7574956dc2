# ruff: noqa: E501, RUF001 - other languages have their own letters; a language reads best on few lines
"""What the drift benchmark's pages say: by language, and in other words.

The rewordings stand here as one would write them who renames a button or a heading without asking
what the finder knows. They stay as they are: a wording that is not known is to be refused. The
finder's words were widened once by somebody who had read them, with what other platforms call the
same; so how many of these it knows says less of a live console than a list nobody has seen would.
"""

ENGLISH = {
    "tools": "Tools", "overview": "Overview", "test_tab": "Test events", "diagnostics": "Diagnostics",
    "settings": "Settings", "basics": "Basic information", "pixel_id": "Pixel ID", "rename": "Edit name",
    "adv": "Automatic advanced matching", "adv_text": "Match more visitors to accounts with hashed data.",
    "cookies": "Cookies", "cookies_text": "Use first-party cookies to measure better.",
    "events_api": "Events API", "events_text": "Send web events from your server without a browser.",
    "learn": "Learn more", "generate": "Generate access token", "guide": "View setup guide",
    "offline": "Offline events", "offline_text": "Upload purchases made in your shops.", "upload": "Upload file",
    "testing": "Event testing", "open_test": "Generate test event code", "partners": "Partner integrations",
    "partners_text": "Connect a shop system.", "connect": "Connect", "disconnect": "Disconnect",
    "wizard": "Implement Events API", "wizard_text": "Set up another data source step by step.",
    "danger": "Delete pixel", "danger_text": "Deleting cannot be undone.", "delete": "Delete",
    "transfer": "Transfer ownership", "switch": "Turn on", "banner": "See what is new in Events Manager.",
}  # fmt: skip

LANGUAGES = {
    "de": {"overview": "Übersicht", "diagnostics": "Diagnose", "settings": "Einstellungen", "basics": "Grunddaten", "rename": "Namen ändern", "adv": "Automatischer erweiterter Abgleich", "adv_text": "Mehr Besucher über gehashte Daten zuordnen.", "cookies_text": "Mit eigenen Cookies besser messen.", "events_api": "Events-API", "events_text": "Web-Events von Ihrem Server senden.", "learn": "Mehr erfahren", "generate": "Zugriffstoken generieren", "guide": "Anleitung ansehen", "offline": "Offline-Events", "offline_text": "Käufe aus Ihren Filialen hochladen.", "upload": "Datei hochladen", "testing": "Tests", "open_test": "Testereignis-Code generieren", "partners": "Partnerintegrationen", "partners_text": "Ein Shopsystem verbinden.", "connect": "Verbinden", "disconnect": "Trennen", "danger": "Pixel löschen", "danger_text": "Das lässt sich nicht rückgängig machen.", "delete": "Löschen", "switch": "Einschalten"},
    "es": {"overview": "Resumen", "diagnostics": "Diagnóstico", "settings": "Configuración", "basics": "Información básica", "rename": "Editar nombre", "adv": "Coincidencias avanzadas automáticas", "adv_text": "Relaciona más visitantes con datos cifrados.", "cookies_text": "Usa cookies propias para medir mejor.", "events_api": "API de eventos", "events_text": "Envía eventos web desde tu servidor.", "learn": "Más información", "generate": "Generar token de acceso", "guide": "Ver la guía", "offline": "Eventos sin conexión", "offline_text": "Sube las compras de tus tiendas.", "upload": "Subir archivo", "testing": "Pruebas", "open_test": "Generar código de evento de prueba", "partners": "Integraciones de socios", "partners_text": "Conecta un sistema de tienda.", "connect": "Conectar", "disconnect": "Desconectar", "danger": "Eliminar píxel", "danger_text": "No se puede deshacer.", "delete": "Eliminar", "switch": "Activar"},
    "pt": {"overview": "Visão geral", "diagnostics": "Diagnóstico", "settings": "Configurações", "basics": "Informações básicas", "rename": "Editar nome", "adv": "Correspondência avançada automática", "adv_text": "Associe mais visitantes com dados em hash.", "cookies_text": "Use cookies próprios para medir melhor.", "events_api": "API de eventos", "events_text": "Envie eventos da web do seu servidor.", "learn": "Saiba mais", "generate": "Gerar token de acesso", "guide": "Ver o guia", "offline": "Eventos offline", "offline_text": "Envie compras feitas nas lojas.", "upload": "Enviar arquivo", "testing": "Testes", "open_test": "Gerar código de evento de teste", "partners": "Integrações de parceiros", "partners_text": "Conecte um sistema de loja.", "connect": "Conectar", "disconnect": "Desconectar", "danger": "Excluir pixel", "danger_text": "Não pode ser desfeito.", "delete": "Excluir", "switch": "Ativar"},
    "ja": {"tools": "ツール", "overview": "概要", "test_tab": "テストイベント", "diagnostics": "診断", "settings": "設定", "basics": "基本情報", "rename": "名前を編集", "adv": "自動詳細マッチング", "adv_text": "ハッシュ化されたデータでより多くの訪問者を照合します。", "cookies": "クッキー", "cookies_text": "ファーストパーティクッキーを使います。", "events_api": "イベントAPI", "events_text": "サーバーからウェブの行動を送ります。", "learn": "詳細はこちら", "generate": "アクセストークンを生成", "guide": "ガイドを見る", "offline": "オフラインイベント", "offline_text": "店舗での購入をアップロードします。", "upload": "ファイルをアップロード", "testing": "テスト", "open_test": "テストイベントコードを生成", "partners": "パートナー連携", "partners_text": "ショップシステムを接続します。", "connect": "接続", "disconnect": "連携解除", "danger": "ピクセルを削除", "danger_text": "元に戻せません。", "delete": "削除", "switch": "オンにする"},
    "ko": {"tools": "도구", "overview": "개요", "test_tab": "테스트 이벤트", "diagnostics": "진단", "settings": "설정", "basics": "기본 정보", "rename": "이름 수정", "adv": "자동 고급 매칭", "adv_text": "해시된 데이터로 더 많은 방문자를 매칭합니다.", "cookies": "쿠키", "cookies_text": "자사 쿠키로 더 잘 측정합니다.", "events_api": "이벤트 API", "events_text": "서버에서 웹 이벤트를 보냅니다.", "learn": "자세히 알아보기", "generate": "액세스 토큰 생성", "guide": "가이드 보기", "offline": "오프라인 이벤트", "offline_text": "매장 구매를 업로드합니다.", "upload": "파일 업로드", "testing": "테스트", "open_test": "테스트 이벤트 코드 생성", "partners": "파트너 연동", "partners_text": "쇼핑몰을 연결합니다.", "connect": "연결", "disconnect": "연결 해제", "danger": "픽셀 삭제", "danger_text": "되돌릴 수 없습니다.", "delete": "삭제", "switch": "켜기"},
    "ru": {"tools": "Инструменты", "overview": "Обзор", "test_tab": "Тестовые события", "diagnostics": "Диагностика", "settings": "Настройки", "basics": "Основные данные", "rename": "Изменить имя", "adv": "Автоматическое сопоставление", "adv_text": "Сопоставляйте больше посетителей.", "cookies_text": "Измеряйте лучше с файлами cookie.", "events_api": "API событий", "events_text": "Отправляйте события со своего сервера.", "learn": "Подробнее", "generate": "Создать токен доступа", "guide": "Открыть руководство", "offline": "Офлайн-события", "offline_text": "Загружайте покупки из магазинов.", "upload": "Загрузить файл", "testing": "Проверка", "open_test": "Создать код тестового события", "partners": "Партнёры", "partners_text": "Подключите систему магазина.", "connect": "Подключить", "disconnect": "Отключить", "danger": "Удалить пиксель", "danger_text": "Это нельзя отменить.", "delete": "Удалить", "switch": "Включить"},
    "pl": {"overview": "Przegląd", "settings": "Ustawienia", "events_api": "Interfejs API zdarzeń", "events_text": "Wysyłaj zdarzenia z serwera.", "learn": "Dowiedz się więcej", "generate": "Wygeneruj token dostępu", "guide": "Zobacz poradnik", "offline": "Zdarzenia stacjonarne", "offline_text": "Prześlij zakupy ze sklepów.", "upload": "Prześlij plik", "open_test": "Wygeneruj kod zdarzenia testowego", "danger": "Usuń piksel", "delete": "Usuń", "connect": "Połącz", "disconnect": "Rozłącz"},
    "id": {"overview": "Ringkasan", "settings": "Pengaturan", "events_api": "API Peristiwa", "events_text": "Kirim peristiwa web dari server Anda.", "learn": "Pelajari lebih lanjut", "generate": "Buat token akses", "guide": "Lihat panduan", "offline": "Peristiwa luring", "offline_text": "Unggah pembelian dari toko Anda.", "upload": "Unggah file", "open_test": "Buat kode peristiwa uji", "danger": "Hapus piksel", "delete": "Hapus", "connect": "Hubungkan", "disconnect": "Putuskan"},
}  # fmt: skip
"""Where a language lacks a word, the page stays English there, as consoles do. The words for the
section and the button in the first six are those of the project's notes or plain translations, so
they show that structure holds in another language, not that its words are known. The last two the
finder has no words for."""

REWORDED = {
    "generate": [
        "Generate Access Token", "GENERATE ACCESS TOKEN", "Generate access token \u2192",
        "+ Generate access token", "Generate access token\u2026", "Generate an access token",
        "Generate your access token", "Generate the access token", "Generate token",
        "Generate Events API access token", "Generate Events API token", "Generate API access token",
        "Create access token", "Create an access token", "Create token", "Get access token",
        "Get token", "Get your access token", "Issue access token", "New access token",
        "Request access token", "Generate API key", "Generate access key", "Obtain access token",
    ],
    "events_api": [
        "EVENTS API", "Events Api", "Events API (Web)", "Web Events API", "Events API settings",
        "Events API setup", "TikTok Events API", "Events API integration", "Events API connection",
        "Events API access", "Event API", "Your Events API", "Events API \u00b7 New",
        "Server events", "Conversions API", "Server-side tracking",
    ],
    "settings": ["Setting", "Pixel settings", "Configuration"],
    "offline": ["Offline Events", "Store events", "Offline events sets"],
    "open_test": ["Generate test code", "Test events", "Get test event code"],
    "learn": ["Learn More", "Help", "How it works"],
    "guide": ["Setup guide", "How to generate an access token", "Documentation"],
    "wizard": ["Set up Events API", "Connect data source", "New data source"],
    "partners": ["Partners", "Data partners"],
    "danger": ["Danger zone", "Delete this pixel", "Remove pixel"],
}  # fmt: skip
"""Other words for what stands on the English page; any text also changes in capitals or marks."""

DECOYS = [
    "Generate test event code", "Revoke access token", "Copy access token", "Generate event code",
    "How to generate access token", "Generate pixel code", "View access token history",
    "Regenerate access token", "Generate refresh token", "Download sample", "Access token settings",
    "Get started", "Create event", "Generate report", "Test access token", "Delete access token",
]  # fmt: skip
"""Controls that come to stand beside the right one, or in its place; none of them generates one."""

PROSE = [
    "Generate access token to start.", "Click Generate access token and keep it safe.",
    "Your access token is shown once.", "Generate access token", "No access token yet.",
]  # fmt: skip
"""Texts that say it without being the control."""

FOREIGN_HEADINGS = [
    "Offline events", "Offline Events API", "App events", "App Events API", "CRM events", "CRM Events API",
    "Custom events", "Web events", "Standard events", "Test events", "Marketing API", "Shop events",
    "Catalog", "Conversions", "Implement Events API",
]  # fmt: skip
"""Sections that are not this pixel's Events API."""

FILLER = [
    "Events from your server are matched with those of the browser.",
    "Only admins of this account can change these settings.",
    "New: send events of all channels in one place.",
]
"""Texts that say nothing of it."""
