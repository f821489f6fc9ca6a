"""Several pictures of one owner, one of which is shown: an abstract model.

All that changes which picture is shown, how many there are or their order is done under a lock of
the owner's row. So two requests at once can neither pass the limit nor choose two pictures, and a
deletion cannot leave an owner without a choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connections, models, router, transaction
from django.db.models.signals import post_delete, pre_delete
from django.utils.translation import gettext_lazy as _

from ...conf import get_config
from ...exceptions import GalleryFull
from ...fields import AvatarField
from ...models import AvatarMixin

__all__ = ["PictureBase"]

#: Written by an INSERT, ``make_primary()`` and ``move_to()`` only.
_PLACE = frozenset({"primary_of", "position"})


class PictureBase(AvatarMixin):
    """One picture in the gallery of an owner.

    A subclass has two fields, ``owner`` and ``primary_of``, which lead to the same model::

        owner = models.ForeignKey(Team, models.CASCADE, related_name="pictures")
        primary_of = models.OneToOneField(
            Team, models.CASCADE, null=True, editable=False, related_name="primary_picture"
        )

    Its ``Meta``, if it has one, derives from ``PictureBase.Meta``, for the constraint.

    The first picture of an owner is the primary one, which ``{% avatar owner %}`` shows. If that
    one is deleted, the first of the others takes its place. ``save()`` of a new picture raises
    :class:`~django_avatar_kit.exceptions.GalleryFull` where the owner has as many as the setting
    ``GALLERY_LIMIT`` allows. With ``primary_of=owner``, a new picture is the primary one at once.

    A stale instance cannot undo a choice: ``save()`` of a row that exists leaves ``primary_of``
    and ``position`` as they are. If its avatar is emptied, ``save()`` deletes the row.
    """

    # Not blank: a picture that is removed is a row that is deleted.
    avatar = AvatarField(_("picture"))
    #: The order, from 0 upwards; there may be gaps.
    position = models.PositiveIntegerField(_("position"), editable=False)

    class Meta:
        abstract = True
        ordering = ["position", "pk"]
        constraints = [
            # With the unique primary_of: at most one primary picture for each owner, of their own.
            models.CheckConstraint(
                condition=models.Q(primary_of__isnull=True)
                | models.Q(primary_of=models.F("owner")),
                name="%(app_label)s_%(class)s_own",
            )
        ]

    if TYPE_CHECKING:
        # Declared by the subclass.
        owner: Any
        owner_id: Any
        primary_of_id: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Not overrides of delete(), which neither QuerySet.delete() nor a deleted owner calls.
        # Connected before those of the kit, which lock the picture: the owner is locked first.
        pre_delete.connect(_lock_owner_of, sender=cls)
        post_delete.connect(_choose_another, sender=cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # As a one-to-one profile is made, of which others know no more: Picture(primary_of=user).
        if kwargs.get("primary_of") is not None and "owner_id" not in kwargs:
            kwargs.setdefault("owner", kwargs["primary_of"])
        super().__init__(*args, **kwargs)

    def __str__(self) -> str:
        return str(self.owner)

    @property
    def is_primary(self) -> bool:
        """Whether this is the picture that is shown, as far as this instance knows."""
        return self.primary_of_id is not None

    def clean(self) -> None:
        """Raises ``GalleryFull`` where there is no room for a new picture, as ``save()`` does."""
        super().clean()
        self._check_room(None)

    def save(self, *args: Any, **kwargs: Any) -> None:
        using = kwargs.get("using")
        if self._is_emptied(kwargs.get("update_fields")):
            # Without a key, this instance has deleted its row before.
            if self.pk is not None:
                self.delete(using=using)
            return
        # Before any file is written. Under the lock, it is looked at once more.
        self._check_room(using)
        super().save(*args, **kwargs)

    save.alters_data = True  # type: ignore[attr-defined]

    def make_primary(self) -> None:
        """Show this picture as the owner's avatar from now on.

        Raises ``DoesNotExist`` where it was deleted meanwhile; nothing has changed then.
        """
        using = router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            lock_owner(type(self), self.owner_id, using)
            pictures = self._pictures(using)
            pictures.filter(primary_of=self.owner_id).exclude(pk=self.pk).update(primary_of=None)
            if not pictures.filter(pk=self.pk).update(primary_of=self.owner_id):
                raise self._gone()
        self.primary_of_id = self.owner_id

    make_primary.alters_data = True  # type: ignore[attr-defined]

    def move_to(self, place: int) -> None:
        """Give this picture another place in the order: 1 is the first, a large number the last.

        Raises ``DoesNotExist`` where it was deleted meanwhile; nothing has changed then.
        """
        using = router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            lock_owner(type(self), self.owner_id, using)
            pictures = self._pictures(using)
            order = list(pictures.order_by("position", "pk").values_list("pk", flat=True))
            if self.pk not in order:
                raise self._gone()
            order.remove(self.pk)
            order.insert(max(place, 1) - 1, self.pk)
            places = [models.When(pk=pk, then=number) for number, pk in enumerate(order)]
            pictures.update(position=models.Case(*places, output_field=models.IntegerField()))
        self.position = order.index(self.pk)

    move_to.alters_data = True  # type: ignore[attr-defined]

    def _pictures(self, using: str) -> models.QuerySet[Any]:
        """All pictures of the same owner: of child models, too, and what another manager hides."""
        manager = self._meta.get_field("owner").model._base_manager.using(using)
        pictures: models.QuerySet[Any] = manager.filter(owner=self.owner_id)
        return pictures

    def _check_room(self, using: str | None) -> None:
        if self._state.adding:
            using = using or router.db_for_write(type(self), instance=self)
            # A row of a child model may be added to a picture that is there.
            _check_limit(self._pictures(using).exclude(pk=self.pk).count())

    def _gone(self) -> Exception:
        return type(self).DoesNotExist("The picture was deleted meanwhile.")

    def _is_emptied(self, update_fields: Any) -> bool:
        """Whether a save would leave an existing row without a picture."""
        if self._state.adding:
            return False
        # An empty avatar that was loaded says nothing: there may be a picture by now.
        assigned = self._assigned_avatars(update_fields)
        return any(field.name == "avatar" and not self.avatar for field in assigned)

    # Private to Django, as those that AvatarMixin overrides, and for the same reason: the files
    # are written before, so that the lock is not held while a storage is slow.

    def _do_insert(
        self,
        manager: Any,
        using: str,
        inserted: Any,
        returning: Any,
        raw: bool,
    ) -> Any:
        insert = super()._do_insert
        if raw or all(field.name != "owner" for field in inserted):
            # A fixture says itself which picture is the primary one, and in which order they are.
            # And the table of a child model has nothing of that.
            return insert(manager, using, inserted, returning, raw)
        with transaction.atomic(using=using, savepoint=False):
            self._take_place(using)
            return insert(manager, using, inserted, returning, raw)

    def _do_update(  # type: ignore[override]
        self,
        base_qs: models.QuerySet[Any],
        using: str,
        pk_val: Any,
        values: Any,
        update_fields: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if update_fields is None:
            values = [each for each in values if each[0].name not in _PLACE]
        return super()._do_update(base_qs, using, pk_val, values, update_fields, *args, **kwargs)

    def _take_place(self, using: str) -> None:
        """Lock the owner, and find out where a new picture stands among the others."""
        lock_owner(type(self), self.owner_id, using)
        pictures = self._pictures(using)
        found = pictures.aggregate(
            count=models.Count("pk"),
            last=models.Max("position"),
            # An empty place has a fallback shown.
            shown=models.Count("primary_of", filter=~models.Q(avatar="")),
        )
        _check_limit(found["count"])
        if not self._state.adding and self._state.db == using:
            # What was loaded from a row that is deleted by now is no choice.
            self.primary_of_id = None
        place: int | None = self.position
        if place is None:
            self.position = 0 if found["last"] is None else found["last"] + 1
        if self.primary_of_id is None and not found["shown"]:
            self.primary_of_id = self.owner_id
        if self.primary_of_id is not None and found["count"]:
            pictures.filter(primary_of=self.primary_of_id).update(primary_of=None)


def lock_owner(model: type[models.Model], owner_id: Any, using: str) -> None:
    """Lock the owner of pictures until the open transaction ends."""
    features = connections[using].features
    link: Any = model._meta.get_field("owner")
    if features.has_select_for_update:
        owners = link.related_model._base_manager.using(using)
        rows = owners.filter(pk=owner_id).order_by()
        # A plain FOR UPDATE would make every insert of a row that refers to the owner wait.
        no_key = features.has_select_for_no_key_update
        list(rows.select_for_update(no_key=no_key).values_list("pk"))
    else:
        # SQLite locks the database for the first writer. A SELECT before that would make the
        # transaction fail as soon as two writers meet.
        pictures = link.model._base_manager.using(using).filter(owner=owner_id)
        pictures.update(position=models.F("position"))


def _check_limit(count: int) -> None:
    limit = get_config().gallery_limit
    if count >= limit:
        raise GalleryFull(limit=limit)


def _lock_owner_of(
    sender: type[models.Model], instance: PictureBase, using: str, **kwargs: Any
) -> None:
    lock_owner(sender, instance.owner_id, using)


def _choose_another(instance: PictureBase, using: str, **kwargs: Any) -> None:
    """If the primary picture has gone, the first of the others is shown that is not empty.

    All rows of a deletion have gone by now, so that none of them is chosen.
    """
    pictures = instance._pictures(using)
    if pictures.filter(primary_of=instance.owner_id).exists():
        return
    others = pictures.order_by("position", "pk").values_list("pk", flat=True)
    # An empty place would have a fallback shown. It is chosen only where there is nothing else.
    first = others.exclude(avatar="").first() or others.first()
    if first is not None:
        pictures.filter(pk=first).update(primary_of=instance.owner_id)
