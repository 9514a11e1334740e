"""Function words: what carries no topic, and so weighs nothing when sessions are ranked.

One union for all languages, because a question does not say which it is in. A word that is a
function word in one language and a common topic in another (`die`, `war`, `pour`, `son`) is left out.
"""

from __future__ import annotations

from search.text import prepare

_ENGLISH = """
a about again all also am an and any are aren as at be because been being but by could couldn did
didn do does doesn doing for from had hadn has hasn have haven having he her here hers herself him
himself his how i if in into is isn it its itself just ll me more most mustn my myself nor not of on
or our ours ourselves re s shall shan she should shouldn so some such t than that the their theirs
them themselves then there these they this those to too us ve very was wasn we were weren what when
where which while who whom whose why with would wouldn yet you your yours yourself yourselves
"""

_OTHERS = {
    "de": """
        aber als auf aus bei bis dass dein deine dem den der des dich dir doch durch ein eine einem
        einen einer eines er es euch für gegen habe haben hatte hatten ich ihm ihn ihr ihre im ist
        kann kein keine mein meine mich mir mit nach nicht noch ob oder ohne schon sehr sein seine
        sich sie sind über um und uns unser unsere unter vom von vor warum wenn werden wie wir wird
        wurde wurden zu zum zur zwischen
    """,
    "fr": """
        au aux avec ce ces cet cette dans de des du elle elles est et été être eux il ils je la le
        les leur leurs lui mais mes ne nos notre nous ou où par pas que quel quelle quelles quels
        qui sa sans se ses sont sur ta te tes un une vos votre vous
    """,
    "es": """
        al como con cual cuando de del desde donde el ella ellas ellos en entre era eran es esa ese
        eso esta estas este esto estos fue fueron ha han hasta hay la las lo los muy más ni nos
        nosotros o para pero por porque que qué quien se sin sobre su sus también te un una unas uno
        unos y ya
    """,
    "pt": """
        à ao aos às até com como da das de dela dele do dos e é ela elas ele eles em entre essa esse
        esta este eu foi foram há isso isto já lhe mais mas me mesmo muito na não nas nem no nos nós
        num numa o os ou para pela pelas pelo pelos por porque qual quando que quem são se sem ser
        seu seus sua suas também te tem têm um uma você vocês
    """,
    "it": """
        agli ai al alla alle allo anche che chi ci col come con da dagli dai dal dalla dalle dello
        degli dei del della delle di e è fra gli ha hanno ho i il in io la le lei lo loro lui ma mi
        nei nel nella nelle nello noi non nostra nostro o per perché più quando quella quello questa
        questo qui se si sono su sua sue sul sulla sulle suo suoi tra tu un una uno vi voi
    """,
    "nl": """
        aan als bij dan dat de deze die dit door een en er geen haar hebben heeft het hij hoe hun ik
        in is je jij jouw kan maar meer met mij mijn naar niet nog of om onder ons ook op over te
        tegen toch toen tot uit van veel voor waar wat wel werd wie wij worden wordt ze zich zij
        zijn zo zonder zou
    """,
}

#: Words above that, once folded, are a topic, a name or a verb in another of these languages.
_AMBIGUOUS = """
    ai ate chi col com come dan den die dir do door dos ella elle er era ete eu fra fur ha han hay hun io
    kan kann mas me meer met mir mit na num om op os par pas per sa sein ser ses sin sole son sue tes
    tot van vi
"""

_FUNCTION_WORDS = frozenset(_ENGLISH.split()) | (
    frozenset(prepare(" ".join(_OTHERS.values())).split()) - frozenset(_AMBIGUOUS.split())
)


def is_function_word(term: str) -> bool:
    """Whether this folded term carries no topic."""
    return term in _FUNCTION_WORDS
