"""The part of the catalogue of errors that is about weights, training and generated pictures: see `errors`."""

# group: {name: (meaning, usual remedy)}
GENERATION: dict[str, dict[str, tuple[str, str]]] = {
    "weights": {
        "unknown": ("No weights of this name are registered", "use a name that `twinbook weights list` shows"),
        "name": ("A name that weights can't have", "use letters, digits, dots, hyphens and underscores"),
        "taken": ("Other weights have this name", "choose another name, or remove those: `twinbook weights remove`"),
        "unreadable": (
            "The folder can't be registered as weights",
            "give a folder in diffusers' layout with safetensors, JSON and tokenizer files only, and no links",
        ),
        "elsewhere": (
            "The files of these weights are on another machine",
            "use the engine that has them, or add their folder here under another name",
        ),
        "unusable": (
            "The weights can't be used by this engine",
            "use a whole folder in diffusers' layout, of safetensors files, of one of the families known",
        ),
        "changed": (
            "The weights aren't as they were registered",
            "restore the files, or remove the weights and add them again under the name",
        ),
        "licence": (
            "The weights' licence doesn't let pictures be sold",
            "use weights with a commercial licence, and checkpoints that were trained on such",
        ),
        "other": (
            "The checkpoint was trained on other weights",
            "train one on these: `twinbook twin train --weights NAME`",
        ),
        "revision": (
            "Weights are pulled at a pinned revision only",
            "give --revision the 40 hex digits of the commit that the repository shows",
        ),
        "pull": ("The weights couldn't be pulled", "see whether this machine reaches the repository, and run it again"),
    },
    "engine": {
        "checkpoint": (
            "There is no checkpoint of hers on these weights",
            "train one: `twinbook twin train CAMPAIGN TALENT --weights NAME`",
        ),
    },
    "diffusion": {
        "missing": ("What training and generating need isn't installed", "pip install 'twinbook[diffusion]'"),
    },
    "synthetic": {
        "minor": ("Somebody who does not exist could be taken for a minor", "describe and show an adult, with her age"),
        "real": (
            "Only somebody synthetic is invented",
            "write synthetic = true and a description for her, or enroll a real talent from photographs",
        ),
        "likeness": (
            "The face of somebody who does not exist is somebody's",
            "make another one, from another seed and description; nobody's double is released",
        ),
        "unknown": ("Whose face it is can't be told", "use pictures that show the face from the front"),
        "watch_list": (
            "The watch list can't be used",
            "point TWINBOOK_WATCH_LIST at a folder of photographs, each with a face in it, or unset it",
        ),
    },
    "training": {
        "twin": ("There is no twin to train on", "enroll her first: `twinbook enroll`"),
        "failed": (
            "The training gave what can't be used",
            "nothing of it was kept; run again, and report it if it stays",
        ),
    },
}
