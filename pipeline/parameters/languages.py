"""Languages and their codes: what score.language may be.

ISO 639-1 has two letters for 184 languages, ISO 639-3 three for every language. Those of the latter that translation
models know are accepted too. Regions and scripts (zh-CN, pt_BR, zho_Hans) are dropped: no metric here depends on them.
"""

import re

_ISO_639 = """
    aa:aar:Afar ab:abk:Abkhazian ae:ave:Avestan af:afr:Afrikaans ak:aka:Akan am:amh:Amharic an:arg:Aragonese
    ar:ara:Arabic as:asm:Assamese av:ava:Avaric ay:aym:Aymara az:aze:Azerbaijani ba:bak:Bashkir be:bel:Belarusian
    bg:bul:Bulgarian bi:bis:Bislama bm:bam:Bambara bn:ben:Bengali bo:bod:Tibetan br:bre:Breton bs:bos:Bosnian
    ca:cat:Catalan ce:che:Chechen ch:cha:Chamorro co:cos:Corsican cr:cre:Cree cs:ces:Czech cu:chu:Slavonic
    cv:chv:Chuvash cy:cym:Welsh da:dan:Danish de:deu:German dv:div:Divehi dz:dzo:Dzongkha ee:ewe:Ewe el:ell:Greek
    en:eng:English eo:epo:Esperanto es:spa:Spanish et:est:Estonian eu:eus:Basque fa:fas:Persian ff:ful:Fulah
    fi:fin:Finnish fj:fij:Fijian fo:fao:Faroese fr:fra:French fy:fry:Frisian ga:gle:Irish gd:gla:Gaelic
    gl:glg:Galician gn:grn:Guarani gu:guj:Gujarati gv:glv:Manx ha:hau:Hausa he:heb:Hebrew hi:hin:Hindi ho:hmo:Motu
    hr:hrv:Croatian ht:hat:Haitian hu:hun:Hungarian hy:hye:Armenian hz:her:Herero ia:ina:Interlingua
    id:ind:Indonesian ie:ile:Interlingue ig:ibo:Igbo ii:iii:Nuosu ik:ipk:Inupiaq io:ido:Ido is:isl:Icelandic
    it:ita:Italian iu:iku:Inuktitut ja:jpn:Japanese jv:jav:Javanese ka:kat:Georgian kg:kon:Kongo ki:kik:Kikuyu
    kj:kua:Kwanyama kk:kaz:Kazakh kl:kal:Greenlandic km:khm:Khmer kn:kan:Kannada ko:kor:Korean kr:kau:Kanuri
    ks:kas:Kashmiri ku:kur:Kurdish kv:kom:Komi kw:cor:Cornish ky:kir:Kyrgyz la:lat:Latin lb:ltz:Luxembourgish
    lg:lug:Ganda li:lim:Limburgish ln:lin:Lingala lo:lao:Lao lt:lit:Lithuanian lu:lub:Luba lv:lav:Latvian
    mg:mlg:Malagasy mh:mah:Marshallese mi:mri:Maori mk:mkd:Macedonian ml:mal:Malayalam mn:mon:Mongolian
    mr:mar:Marathi ms:msa:Malay mt:mlt:Maltese my:mya:Burmese na:nau:Nauru nb:nob:Bokmål nd:nde:Ndebele
    ne:nep:Nepali ng:ndo:Ndonga nl:nld:Dutch nn:nno:Nynorsk no:nor:Norwegian nr:nbl:Ndebele nv:nav:Navajo
    ny:nya:Chichewa oc:oci:Occitan oj:oji:Ojibwa om:orm:Oromo or:ori:Odia os:oss:Ossetian pa:pan:Punjabi pi:pli:Pali
    pl:pol:Polish ps:pus:Pashto pt:por:Portuguese qu:que:Quechua rm:roh:Romansh rn:run:Rundi ro:ron:Romanian
    ru:rus:Russian rw:kin:Kinyarwanda sa:san:Sanskrit sc:srd:Sardinian sd:snd:Sindhi se:sme:Sami sg:sag:Sango
    sh:hbs:Serbo-Croatian si:sin:Sinhala sk:slk:Slovak sl:slv:Slovenian sm:smo:Samoan sn:sna:Shona so:som:Somali
    sq:sqi:Albanian sr:srp:Serbian ss:ssw:Swati st:sot:Sotho su:sun:Sundanese sv:swe:Swedish sw:swa:Swahili
    ta:tam:Tamil te:tel:Telugu tg:tgk:Tajik th:tha:Thai ti:tir:Tigrinya tk:tuk:Turkmen tl:tgl:Tagalog tn:tsn:Tswana
    to:ton:Tongan tr:tur:Turkish ts:tso:Tsonga tt:tat:Tatar tw:twi:Twi ty:tah:Tahitian ug:uig:Uyghur
    uk:ukr:Ukrainian ur:urd:Urdu uz:uzb:Uzbek ve:ven:Venda vi:vie:Vietnamese vo:vol:Volapük wa:wln:Walloon
    wo:wol:Wolof xh:xho:Xhosa yi:yid:Yiddish yo:yor:Yoruba za:zha:Zhuang zh:zho:Chinese zu:zul:Zulu
"""
# Without a code of two letters; words in all of them are written with spaces.
_FURTHER = """
    ace acm acq aeb ajp ang apc ars ary arz ast awa azb ban bem bho bjn bug ceb chr cjk ckb crh dik dsb dyu fil fon
    fur got grc gsw haw hne hsb ilo kab kac kam kbp kea kmb lij lmo ltg lua luo lus mag mai min mni mos nds nso nus
    pag pap prs sat scn sco shn szl taq tpi tum tzm umb vec war
"""
# Codes for a language that has another one above: members of a macrolanguage, withdrawn codes, ISO 639-2.
_ALIASES = """
    cmn:zh yue:zh wuu:zh nan:zh hak:zh gan:zh lzh:zh chi:zh arb:ar azj:az als:sq alb:sq arm:hy baq:eu bur:my cze:cs
    dut:nl fre:fr geo:ka ger:de gre:el ice:is khk:mn kmr:ku knc:kr lvs:lv mac:mk mao:mi may:ms npi:ne ory:or pes:fa
    per:fa plt:mg quy:qu rum:ro slo:sk swh:sw tib:bo uzn:uz wel:cy ydd:yi zsm:ms ayr:ay fuv:ff gaz:om pbt:ps
    iw:he in:id ji:yi jw:jv mo:ro
"""
# Codes of countries that are no code of a language.
_COUNTRIES = "cn:zh tw:zh hk:zh jp:ja cz:cs gr:el dk:da ua:uk vn:vi us:en gb:en mx:es ir:fa il:he at:de"

_ROWS = [row.split(":") for row in _ISO_639.split()]
NAMES = {code: name for code, _, name in _ROWS}
_CODES = {
    **{code: code for code in (*NAMES, *_FURTHER.split())},
    **{long: code for code, long, _ in _ROWS},
    **dict(pair.split(":") for pair in _ALIASES.split()),
}
_SUGGESTIONS = {
    **{name.lower(): code for code, name in NAMES.items()},
    **dict(pair.split(":") for pair in _COUNTRIES.split()),
    **{"farsi": "fa", "mandarin": "zh", "cantonese": "zh", "castilian": "es", "filipino": "tl", "flemish": "nl"},
    **{
        "deutsch": "de",
        "français": "fr",
        "español": "es",
        "中文": "zh",
        "日本語": "ja",
        "한국어": "ko",
        "русский": "ru",
    },
}


def parse_language(value: object) -> object:
    """The code of a language, without region or script. Raises ValueError for a text that is no known code."""
    if value is False:  # YAML reads a bare `no` as false
        raise ValueError("the value is false: Norwegian is nb, nn or, in quotes, 'no'")
    if not isinstance(value, str):
        return value
    tag = value.strip().lower()
    code = _CODES.get(re.split("[-_.@]", tag)[0])
    if code is None:
        known = _SUGGESTIONS.get(tag)
        hint = f"use {known} for {NAMES[known]}" if known else "expected a code such as en, de or zh"
        raise ValueError(f"{value[:40]!r} is no code of a language; {hint}")
    return code
